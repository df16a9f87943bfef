package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import dev.mneme.attention.onnx.GraphBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Turns the weights of small models into 4 bits, whose products round activations to 8 bits. */
final class FourBits {

  private static final int BLOCK = 32;

  /** The number that stands for 0. */
  private static final int ZERO = 8;

  private FourBits() {}

  /** The model with {@code MatMulNBits} in place of products with matrices of weights. */
  static ModelProto of(ModelProto model) {
    ModelProto.Builder changed = model.toBuilder();
    GraphProto.Builder graph = changed.getGraphBuilder();
    Map<String, TensorProto> weights = new HashMap<>();
    graph.getInitializerList().forEach(tensor -> weights.put(tensor.getName(), tensor));
    for (NodeProto.Builder node : graph.getNodeBuilderList()) {
      TensorProto weight = node.getOpType().equals("MatMul") ? weights.get(node.getInput(1)) : null;
      if (weight != null && weight.getDimsCount() == 2) {
        quantise(graph, node, weight);
      }
    }
    return changed.build();
  }

  private static void quantise(
      GraphProto.Builder graph, NodeProto.Builder node, TensorProto weight) {
    int inner = (int) weight.getDims(0);
    int columns = (int) weight.getDims(1);
    int blocks = (inner + BLOCK - 1) / BLOCK;
    FloatBuffer values =
        weight.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    ByteBuffer packed = ByteBuffer.allocate(columns * blocks * BLOCK / 2);
    ByteBuffer scales =
        ByteBuffer.allocate(columns * blocks * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int column = 0; column < columns; column++) {
      for (int first = 0; first < blocks * BLOCK; first += BLOCK) {
        float largest = 0;
        for (int i = first; i < Math.min(inner, first + BLOCK); i++) {
          largest = Math.max(largest, Math.abs(values.get(i * columns + column)));
        }
        float scale = largest / (ZERO - 1);
        scales.putFloat(scale);
        for (int i = first; i < first + BLOCK; i += 2) {
          int low = ZERO;
          int high = ZERO;
          if (i < inner) {
            low += Math.round(values.get(i * columns + column) / scale);
            high += Math.round(values.get((i + 1) * columns + column) / scale);
          }
          packed.put((byte) (low | high << 4));
        }
      }
    }
    String name = node.getOutput(0);
    graph.addInitializer(
        tensor(name + ".packed", DataType.UINT8, packed, columns, blocks, BLOCK / 2));
    graph.addInitializer(tensor(name + ".scales", DataType.FLOAT, scales, (long) columns * blocks));
    node.setOpType("MatMulNBits")
        .setDomain(GraphBuilder.MICROSOFT)
        .setInput(1, name + ".packed")
        .addInput(name + ".scales")
        .addAllAttribute(
            List.of(
                attribute("K", inner),
                attribute("N", columns),
                attribute("bits", 4L),
                attribute("block_size", BLOCK),
                attribute("accuracy_level", 4L)));
  }

  private static TensorProto tensor(String name, DataType type, ByteBuffer bytes, long... dims) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(type.getNumber())
            .setRawData(ByteString.copyFrom(bytes.flip()));
    for (long dim : dims) {
      tensor.addDims(dim);
    }
    return tensor.build();
  }
}
