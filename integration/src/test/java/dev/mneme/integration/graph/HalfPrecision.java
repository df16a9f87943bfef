package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.common.collect.Iterables;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Turns small models of float32 into models of half precision, weights, caches and logits. */
final class HalfPrecision {

  /** The angles of rotation, which exporters leave in float32. */
  private static final Set<String> ANGLES =
      Set.of("inverse_frequencies", "magnitude", "real_positions");

  private HalfPrecision() {}

  /** The model in float16. */
  static ModelProto float16(ModelProto model) {
    ModelProto.Builder half = model.toBuilder();
    GraphProto.Builder graph = half.getGraphBuilder();
    for (TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
      if (tensor.getDataType() == DataType.FLOAT_VALUE && !ANGLES.contains(tensor.getName())) {
        tensor.setDataType(DataType.FLOAT16_VALUE).setRawData(rounded(tensor.getRawData()));
      }
    }
    graph.getInputBuilderList().forEach(HalfPrecision::declareFloat16);
    graph.getOutputBuilderList().forEach(HalfPrecision::declareFloat16);
    for (NodeProto.Builder node : graph.getNodeBuilderList()) {
      if (node.getOpType().equals("Cast")
          && node.getAttribute(0).getI() == DataType.FLOAT_VALUE
          && !ANGLES.contains(node.getOutput(0))) {
        node.setAttribute(0, attribute("to", (long) DataType.FLOAT16_VALUE));
      }
    }
    for (String wave : List.of("Cos", "Sin")) {
      if (graph.getNodeList().stream().anyMatch(node -> node.getOutput(0).equals(wave))) {
        RefusalTest.cast(graph, wave, wave + "_scaled", DataType.FLOAT16, wave + "_half");
        RefusalTest.node(graph, wave).setInput(0, wave + "_half");
      }
    }
    return half.build();
  }

  private static void declareFloat16(ValueInfoProto.Builder info) {
    var type = info.getTypeBuilder().getTensorTypeBuilder();
    if (type.getElemType() == DataType.FLOAT_VALUE) {
      type.setElemType(DataType.FLOAT16_VALUE);
    }
  }

  private static ByteString rounded(ByteString raw) {
    FloatBuffer values = raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    ByteBuffer half = ByteBuffer.allocate(raw.size() / 2).order(ByteOrder.LITTLE_ENDIAN);
    while (values.hasRemaining()) {
      half.putShort(Float.floatToFloat16(values.get()));
    }
    return ByteString.copyFrom(half.flip());
  }

  /**
   * The model in float16 with caches and logits in float32, as ONNX's converter leaves it: what
   * converts them stands behind all other nodes.
   */
  static ModelProto float32Boundaries(ModelProto model) {
    ModelProto.Builder half = float16(model).toBuilder();
    GraphProto.Builder graph = half.getGraphBuilder();
    List<NodeProto> casts = new ArrayList<>();
    for (ValueInfoProto.Builder info :
        Iterables.concat(graph.getInputBuilderList(), graph.getOutputBuilderList())) {
      var type = info.getTypeBuilder().getTensorTypeBuilder();
      if (type.getElemType() != DataType.FLOAT16_VALUE) {
        continue;
      }
      type.setElemType(DataType.FLOAT_VALUE);
      String name = info.getName();
      boolean made = false;
      for (NodeProto.Builder node : graph.getNodeBuilderList()) {
        for (int i = 0; i < node.getInputCount(); i++) {
          if (node.getInput(i).equals(name)) {
            node.setInput(i, name + "_half");
          }
        }
        if (node.getOutput(0).equals(name)) {
          node.setOutput(0, name + "_half");
          made = true;
        }
      }
      casts.add(
          made
              ? GraphCutter.cast(name + "_half", name, DataType.FLOAT)
              : GraphCutter.cast(name, name + "_half", DataType.FLOAT16));
    }
    graph.addAllNode(casts);
    return half.build();
  }

  /** The model with caches and logits in bfloat16, and all between in float32. */
  static ModelProto bfloat16Boundaries(ModelProto model) {
    ModelProto.Builder changed = model.toBuilder();
    GraphProto.Builder graph = changed.getGraphBuilder();
    for (ValueInfoProto.Builder info : graph.getInputBuilderList()) {
      declareBfloat16(info);
    }
    for (ValueInfoProto.Builder info : graph.getOutputBuilderList()) {
      String output = info.getName();
      declareBfloat16(info);
      NodeProto.Builder maker = RefusalTest.node(graph, output);
      if (maker.getOpType().equals("Concat")) {
        String given = maker.getInput(1);
        RefusalTest.cast(graph, output, given, DataType.BFLOAT16, given + "_kept");
        RefusalTest.node(graph, output).setInput(1, given + "_kept");
        String reader = output + "_apart";
        RefusalTest.cast(graph, reader, output, DataType.FLOAT, output + "_wide");
        RefusalTest.node(graph, reader).setInput(0, output + "_wide");
      } else {
        maker.setOutput(0, output + "_wide");
        graph.addNode(GraphCutter.cast(output + "_wide", output, DataType.BFLOAT16));
      }
    }
    return changed.build();
  }

  private static void declareBfloat16(ValueInfoProto.Builder info) {
    var type = info.getTypeBuilder().getTensorTypeBuilder();
    if (type.getElemType() == DataType.FLOAT_VALUE) {
      type.setElemType(DataType.BFLOAT16_VALUE);
    }
  }
}
