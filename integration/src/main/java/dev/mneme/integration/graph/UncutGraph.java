package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Makes a model that was read ready to be run uncut. */
final class UncutGraph {

  private final ModelProto.Builder model;
  private final GraphProto.Builder graph;

  /** Takes the model as it was exported. */
  UncutGraph(ModelProto exported) {
    model = exported.toBuilder();
    graph = model.getGraphBuilder();
    graph.getNodeBuilderList().forEach(GroupQueryFamily::keepWholeCache);
  }

  /** The model with what was changed. */
  ModelProto build() {
    return model.build();
  }

  /**
   * Gives the graph these outputs and no others.
   *
   * @param rows tensors that pass between segments, under the names that they have there
   * @param caches outputs that are kept as they are
   */
  void setOutputs(List<String> rows, List<CacheTensor> caches) {
    Map<String, ValueInfoProto> declared =
        graph.getOutputList().stream()
            .collect(Collectors.toMap(ValueInfoProto::getName, info -> info, (first, _) -> first));
    graph.clearOutput();
    for (String output : rows) {
      String made = TensorSpec.original(output);
      if (!made.equals(output)) {
        graph.addNode(GraphCutter.cast(made, output, DataType.FLOAT));
      }
      graph.addOutput(declaration(output, DataType.FLOAT));
    }
    for (CacheTensor cache : caches) {
      ValueInfoProto known = declared.get(cache.present());
      graph.addOutput(known == null ? declaration(cache.present(), cache.type()) : known);
    }
  }

  private static ValueInfoProto declaration(String tensor, DataType type) {
    return ValueInfoProto.newBuilder()
        .setName(tensor)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(TypeProto.Tensor.newBuilder().setElemType(type.getNumber())))
        .build();
  }

  /** Makes tables of rotation at least {@code rows} long. */
  void continueRotation(Collection<RotaryTensor> tables, int rows) {
    Map<String, RotaryTensor> byName = new HashMap<>();
    tables.forEach(table -> byName.put(table.initializer(), table));
    for (TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
      RotaryTensor table = byName.get(tensor.getName());
      if (table != null && tensor.getDims(0) < rows) {
        tensor
            .clearFloatData()
            .clearInt32Data()
            .clearExternalData()
            .clearDataLocation()
            .setDims(0, rows)
            .setRawData(values(table, rows, DataType.forNumber(tensor.getDataType())));
      }
    }
  }

  private static ByteString values(RotaryTensor tensor, int rows, DataType type) {
    RotaryTable table = tensor.table();
    double[] frequencies = table.inverseFrequencies();
    ByteBuffer bytes =
        ByteBuffer.allocate(rows * frequencies.length * (type == DataType.FLOAT ? 4 : 2))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < rows; row++) {
      for (double frequency : frequencies) {
        double angle = row * frequency;
        float value =
            (float) (table.magnitude() * (tensor.cosine() ? Math.cos(angle) : Math.sin(angle)));
        switch (type) {
          case FLOAT16 -> bytes.putShort(Float.floatToFloat16(value));
          case BFLOAT16 -> bytes.putShort(bfloat16(value));
          default -> bytes.putFloat(value);
        }
      }
    }
    return ByteString.copyFrom(bytes.flip());
  }

  /** Rounds to the nearest, to even where two are. */
  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
