package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Brings tensors of heads to rows of tokens, {@code [1, n, heads * headDim]}, as they pass between
 * segments, by nodes that are added to the graph where it has no such tensor itself.
 */
final class TokenRows {

  private static final Set<String> LAYOUT =
      Set.of("Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze");

  private final GraphIndex graph;
  private final ShapeInference shapes;

  TokenRows(GraphIndex graph, ShapeInference shapes) {
    this.graph = graph;
    this.shapes = shapes;
  }

  /** The rows of a tensor whose axes are heads, tokens and the elements of a head, in any order. */
  String of(NodeProto attention, String tensor) throws IOException {
    TensorShape shape = shapes.shape(tensor);
    if (shape == null) {
      throw UnsupportedModelException.at(
          attention, "the shape of '%s' is neither declared nor known".formatted(tensor));
    }
    if (shape.isRowPerToken()) {
      return tensor;
    }
    List<Long> dims = shape.dims();
    int tokens = dims.indexOf(TensorShape.TOKENS);
    long width = 1;
    for (int axis = 0; axis < dims.size(); axis++) {
      if (axis != tokens) {
        width *= dims.get(axis) < 0 ? 0 : dims.get(axis);
      }
    }
    if (tokens < 0 || width == 0) {
      throw UnsupportedModelException.at(
          attention,
          "'%s' is %s, supported is one axis of n tokens and known sizes".formatted(tensor, shape));
    }
    String moved = tensor;
    if (dims.subList(0, tokens).stream().anyMatch(dim -> dim != 1)) {
      IntStream others = IntStream.range(0, dims.size()).filter(axis -> axis != tokens);
      long[] order = IntStream.concat(IntStream.of(tokens), others).asLongStream().toArray();
      moved = tensor + "/by_token";
      add(
          NodeProto.newBuilder()
              .setOpType("Transpose")
              .addInput(tensor)
              .addAttribute(attribute("perm", order)),
          moved);
    }
    String rows = tensor + "/rows";
    String target = rows + "/shape";
    graph.add(integers(target, 1, -1, width));
    add(NodeProto.newBuilder().setOpType("Reshape").addInput(moved).addInput(target), rows);
    return rows;
  }

  private void add(NodeProto.Builder node, String output) throws IOException {
    if (graph.producer(output) == null) {
      NodeProto built = node.setName(output).addOutput(output).build();
      graph.add(built);
      shapes.add(built);
    }
  }

  static TensorProto integers(String name, long... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.INT64_VALUE)
            .addDims(values.length);
    for (long value : values) {
      tensor.addInt64Data(value);
    }
    return tensor.build();
  }

  /**
   * Follows a tensor of heads down to its rows.
   *
   * @param tensor the attention's output, of any layout
   */
  String below(NodeProto attention, String tensor) {
    String rows = tensor;
    while (true) {
      TensorShape shape = shapes.shape(rows);
      boolean found = shape != null && shape.isRowPerToken();
      List<NodeProto> readers = graph.consumers(rows);
      NodeProto reader = readers.size() == 1 ? readers.getFirst() : null;
      if (reader != null && (selectsRows(reader, rows) || (!found && isLayout(reader)))) {
        rows = reader.getOutput(0);
      } else if (found) {
        return rows;
      } else {
        throw UnsupportedModelException.at(
            attention,
            "its output does not become rows [1, n, width]: '%s' is %s".formatted(rows, shape));
      }
    }
  }

  private static boolean isLayout(NodeProto node) {
    return LAYOUT.contains(node.getOpType());
  }

  /** Whether a node sets rows of tokens to zero that a mask excludes: none does here. */
  private boolean selectsRows(NodeProto node, String tensor) {
    return node.getOpType().equals("Where")
        && (node.getInput(1).equals(tensor)
            ? graph.isConstant(node.getInput(2))
            : graph.isConstant(node.getInput(1)));
  }
}
