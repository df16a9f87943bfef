package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Attention in single operators, as torch.onnx and Optimum write it: a product of queries and keys,
 * scale, mask and softmax, a product with the values. Its core is the softmax.
 */
final class DecomposedFamily implements AttentionFamily {

  /** What stands between the softmax and the product with the values. */
  private static final Set<String> AFTER_SOFTMAX =
      Set.of("Cast", "Mul", "Where", "Dropout", "Reshape", "Identity");

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final ScoredAttention scored;

  DecomposedFamily(GraphIndex graph, ShapeInference shapes, ScoredAttention scored) {
    this.graph = graph;
    this.shapes = shapes;
    this.scored = scored;
  }

  @Override
  public boolean isCore(NodeProto node) {
    return node.getOpType().equals("Softmax")
        && comesFromProduct(node.getInput(0))
        && weighed(node.getOutput(0)) != null;
  }

  private boolean comesFromProduct(String tensor) {
    NodeProto node = graph.producer(tensor);
    if (node == null || graph.isConstant(tensor)) {
      return false;
    }
    return isProductOfTwo(node)
        || (Scores.PASSED.contains(node.getOpType())
            && node.getInputList().stream().anyMatch(this::comesFromProduct));
  }

  /** The product of softmax weights with the values, or null if there is none. */
  private @Nullable NodeProto weighed(String weights) {
    for (NodeProto node : graph.consumers(weights)) {
      if (isProductOfTwo(node) && node.getInput(0).equals(weights)) {
        return node;
      }
      if (AFTER_SOFTMAX.contains(node.getOpType())) {
        NodeProto product = weighed(node.getOutput(0));
        if (product != null) {
          return product;
        }
      }
    }
    return null;
  }

  private boolean isProductOfTwo(NodeProto node) {
    return (node.getOpType().endsWith("MatMul") || node.getOpType().equals("Einsum"))
        && node.getInputList().stream().noneMatch(graph::isConstant);
  }

  @Override
  public AttentionLayer read(NodeProto core, int index) throws IOException {
    Scores scores = new Scores(core);
    NodeProto product = scores.follow(core.getInput(0));
    NodeProto weighed = weighed(core.getOutput(0));
    if (product == null || weighed == null) {
      throw UnsupportedModelException.at(
          core, "is the softmax of attention whose products of queries and keys are not found");
    }
    for (NodeProto node : new NodeProto[] {product, weighed}) {
      if (!node.getOpType().equals("MatMul") && !isScaledProduct(node)) {
        throw UnsupportedModelException.at(node, "is a product in attention, supported is MatMul");
      }
    }
    double alpha = isScaledProduct(product) ? GraphIndex.real(product, "alpha", 1) : 1;
    return scored.read(
        core,
        index,
        product.getInput(0),
        product.getInput(1),
        weighed.getInput(1),
        weighed.getOutput(0),
        0,
        alpha * scores.scale(),
        scores.softcap,
        List.of());
  }

  /** {@code FusedMatMul}, whose keys may be transposed by attribute. */
  private static boolean isScaledProduct(NodeProto node) {
    return node.getOpType().equals("FusedMatMul") && GraphIndex.integer(node, "transA", 0) == 0;
  }

  /** The way from a softmax up to the product of queries and keys. */
  private final class Scores {

    /** What stands between a product of queries and keys and its softmax. */
    private static final Set<String> PASSED =
        Set.of("Add", "Mul", "Div", "Sub", "Where", "Cast", "Tanh", "Reshape", "Identity");

    private final NodeProto softmax;

    /** Product of the factors behind a hyperbolic tangent, or of all where there is none. */
    private double outer = 1;

    private double inner = 1;
    private double softcap;

    Scores(NodeProto softmax) {
      this.softmax = softmax;
    }

    double scale() {
      return softcap == 0 ? outer : inner * softcap;
    }

    private void multiply(double factor) {
      if (softcap == 0) {
        outer *= factor;
      } else {
        inner *= factor;
      }
    }

    @Nullable NodeProto follow(String tensor) throws IOException {
      NodeProto node = graph.producer(tensor);
      if (node == null || isProductOfTwo(node)) {
        return node;
      }
      int side = 0;
      while (side < node.getInputCount() - 1 && !comesFromProduct(node.getInput(side))) {
        side++;
      }
      switch (node.getOpType()) {
        case "Mul" -> multiply(factor(node, node.getInput(1 - side)));
        case "Div" -> multiply(1 / factor(node, node.getInput(1)));
        case "Tanh" -> {
          if (softcap != 0) {
            throw UnsupportedModelException.at(node, "bounds the scores of attention twice");
          }
          softcap = outer;
        }
        default -> {}
      }
      return follow(node.getInput(side));
    }

    private double factor(NodeProto node, String tensor) throws IOException {
      double factor = shapes.numbers().scalar(tensor);
      if (Double.isNaN(factor)) {
        throw UnsupportedModelException.at(
            node,
            "multiplies the scores of '%s' by '%s', supported is a constant"
                .formatted(softmax.getOutput(0), tensor));
      }
      return factor;
    }
  }
}
