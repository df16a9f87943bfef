package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.List;

/**
 * Replaces the targets of reshapes that a graph computes from the sizes of its inputs by constants,
 * so that a segment needs no sizes of tensors that it does not have.
 */
final class ConstantShapes {

  private ConstantShapes() {}

  /** Replaces all targets that are known but for the number of tokens. */
  static void fold(GraphIndex graph, ShapeInference shapes) throws IOException {
    for (NodeProto node : List.copyOf(graph.nodes())) {
      if (!node.getOpType().equals("Reshape") || graph.isConstant(node.getInput(1))) {
        continue;
      }
      TensorShape shape = shapes.shape(node.getOutput(0));
      if (shape == null
          || shape.dims().contains(TensorShape.UNKNOWN)
          || shape.dims().stream().filter(dim -> dim == TensorShape.TOKENS).count() > 1) {
        continue;
      }
      // TOKENS is -1, which a reshape reads as the size that is left.
      String target = node.getOutput(0) + "/shape";
      graph.add(TokenRows.integers(target, shape.array()));
      graph.replace(node, node.toBuilder().setInput(1, target).build());
    }
  }
}
