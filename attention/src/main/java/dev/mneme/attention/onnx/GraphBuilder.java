package dev.mneme.attention.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Writes an ONNX model node by node.
 *
 * <p>Dimensions of inputs and outputs are either {@code Long}/{@code Integer} sizes or {@code
 * String} symbols. Nothing is validated here: ONNX Runtime checks the graph when it opens it. Not
 * thread-safe.
 */
public final class GraphBuilder {

  /** The operator domain of ONNX Runtime's contributed operators. */
  public static final String MICROSOFT = "com.microsoft";

  private static final int IR_VERSION = 10;

  private final GraphProto.Builder graph;
  private final ModelProto.Builder model =
      ModelProto.newBuilder().setIrVersion(IR_VERSION).setProducerName("mneme");

  /**
   * Starts an empty graph.
   *
   * @param name the graph's name
   * @param opset version of the default ONNX operator set; version 1 of {@link #MICROSOFT} is
   *     imported too
   */
  public GraphBuilder(String name, int opset) {
    graph = GraphProto.newBuilder().setName(name);
    model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset));
    model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(MICROSOFT).setVersion(1));
  }

  /** Declares a graph input. */
  public GraphBuilder input(String name, DataType type, Object... dims) {
    graph.addInput(valueInfo(name, type, dims));
    return this;
  }

  /** Declares a graph output. */
  public GraphBuilder output(String name, DataType type, Object... dims) {
    graph.addOutput(valueInfo(name, type, dims));
    return this;
  }

  /** Adds a float32 initializer of shape {@code dims}, row-major, stored in the model. */
  public GraphBuilder initializer(String name, float[] values, long... dims) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return initializer(name, DataType.FLOAT, bytes, dims);
  }

  /** Adds an int64 initializer of shape {@code dims}, row-major, stored in the model. */
  public GraphBuilder initializer(String name, long[] values, long... dims) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(values);
    return initializer(name, DataType.INT64, bytes, dims);
  }

  /** Adds an initializer whose little-endian bytes are copied from {@code data}. */
  public GraphBuilder initializer(String name, DataType type, ByteBuffer data, long... dims) {
    graph.addInitializer(
        tensor(name, type, dims).setRawData(ByteString.copyFrom(data.duplicate())));
    return this;
  }

  /**
   * Adds an initializer whose bytes lie in another file of the model's folder.
   *
   * @param location file name relative to the model's folder
   * @param offset first byte
   * @param length number of bytes
   */
  public GraphBuilder externalInitializer(
      String name, DataType type, String location, long offset, long length, long... dims) {
    graph.addInitializer(
        tensor(name, type, dims)
            .setDataLocation(DataLocation.EXTERNAL)
            .addExternalData(entry("location", location))
            .addExternalData(entry("offset", Long.toString(offset)))
            .addExternalData(entry("length", Long.toString(length))));
    return this;
  }

  /**
   * Adds a node named after its first output.
   *
   * @param domain operator domain, empty for ONNX's own
   * @param inputs names, empty strings for inputs left out
   */
  public GraphBuilder node(
      String domain,
      String opType,
      List<String> inputs,
      List<String> outputs,
      AttributeProto... attributes) {
    return namedNode(
        outputs.getFirst() + "/" + opType, domain, opType, inputs, outputs, attributes);
  }

  /** Adds a node with a name of its own. */
  public GraphBuilder namedNode(
      String name,
      String domain,
      String opType,
      List<String> inputs,
      List<String> outputs,
      AttributeProto... attributes) {
    graph.addNode(
        NodeProto.newBuilder()
            .setName(name)
            .setDomain(domain)
            .setOpType(opType)
            .addAllInput(inputs)
            .addAllOutput(outputs)
            .addAllAttribute(List.of(attributes)));
    return this;
  }

  /** Adds a node of ONNX's own domain with one output. */
  public GraphBuilder node(
      String opType, List<String> inputs, String output, AttributeProto... attributes) {
    return node("", opType, inputs, List.of(output), attributes);
  }

  /** An integer attribute. */
  public static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value)
        .build();
  }

  /** A float attribute. */
  public static AttributeProto attribute(String name, float value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.FLOAT)
        .setF(value)
        .build();
  }

  /** An attribute that is a list of integers. */
  public static AttributeProto attribute(String name, long... values) {
    AttributeProto.Builder attribute =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long value : values) {
      attribute.addInts(value);
    }
    return attribute.build();
  }

  /** The model written so far; the builder may go on. */
  public ModelProto build() {
    return model.clone().setGraph(graph).build();
  }

  private static ValueInfoProto valueInfo(String name, DataType type, Object... dims) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (Object dim : dims) {
      TensorShapeProto.Dimension.Builder dimension = TensorShapeProto.Dimension.newBuilder();
      switch (dim) {
        case Number size -> dimension.setDimValue(size.longValue());
        case String symbol -> dimension.setDimParam(symbol);
        default -> throw new IllegalArgumentException("a dimension is a number or a name: " + dim);
      }
      shape.addDim(dimension);
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(shape)))
        .build();
  }

  private static TensorProto.Builder tensor(String name, DataType type, long... dims) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(type.getNumber());
    for (long dim : dims) {
      tensor.addDims(dim);
    }
    return tensor;
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }
}
