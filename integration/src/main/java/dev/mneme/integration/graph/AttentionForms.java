package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** Tells which form a graph's attention has, and finds the nodes of the one that is supported. */
final class AttentionForms {

  private static final String SUPPORTED =
      "supported is GroupQueryAttention of com.microsoft, as onnxruntime-genai's builder writes it";

  /** What stands between a product of queries and keys and its softmax. */
  private static final Set<String> BEFORE_SOFTMAX =
      Set.of("Add", "Mul", "Div", "Sub", "Where", "Cast", "Tanh", "Reshape", "Identity");

  /** What stands between the softmax and the product with the values. */
  private static final Set<String> AFTER_SOFTMAX =
      Set.of("Cast", "Mul", "Where", "Dropout", "Reshape", "Identity");

  private final GraphIndex graph;

  private AttentionForms(GraphIndex graph) {
    this.graph = graph;
  }

  /**
   * Returns the attention nodes, in the graph's order, at least one.
   *
   * @throws UnsupportedModelException if there is none, or attention of another form
   */
  static List<NodeProto> nodes(GraphIndex graph) {
    return new AttentionForms(graph).nodes();
  }

  private List<NodeProto> nodes() {
    for (String input : graph.inputs().keySet()) {
      if (input.startsWith("encoder_")) {
        throw new UnsupportedModelException(
            "input '%s': this is the decoder of an encoder-decoder model, supported are decoder-only models"
                .formatted(input));
      }
    }
    List<NodeProto> nodes = graph.nodes().stream().filter(AttentionForms::isSupported).toList();
    if (nodes.isEmpty() && graph.inputs().values().stream().noneMatch(AttentionForms::isCache)) {
      throw new UnsupportedModelException(
          "the graph has no past key and value inputs (found inputs %s): it is an encoder such as BERT, or a decoder exported without its cache; %s"
              .formatted(String.join(", ", graph.inputs().keySet()), SUPPORTED));
    }
    refuseFirst(node -> isAttention(node) && !isSupported(node), "is an attention operator");
    refuseFirst(this::isAttentionSoftmax, "is the softmax of attention in single operators");
    if (nodes.isEmpty()) {
      refuseFirst(AttentionForms::isControlFlow, "holds the attention in a graph of its own");
      throw new UnsupportedModelException("the graph has no attention node; " + SUPPORTED);
    }
    return nodes;
  }

  static boolean isSupported(NodeProto node) {
    return node.getOpType().equals("GroupQueryAttention")
        && node.getDomain().equals("com.microsoft");
  }

  private void refuseFirst(Predicate<NodeProto> form, String what) {
    graph.nodes().stream()
        .filter(form)
        .findFirst()
        .ifPresent(node -> {
          throw UnsupportedModelException.at(node, what + "; " + SUPPORTED);
        });
  }

  private static boolean isAttention(NodeProto node) {
    return node.getOpType().endsWith("Attention");
  }

  private static boolean isControlFlow(NodeProto node) {
    return Set.of("If", "Loop", "Scan").contains(node.getOpType());
  }

  /** Keys or values of the past: {@code [batch, kvHeads, past, headDim]}. */
  private static boolean isCache(ValueInfoProto input) {
    return input.getType().getTensorType().getShape().getDimCount() == 4;
  }

  /** Whether a softmax weighs one computed tensor by the product of two others. */
  private boolean isAttentionSoftmax(NodeProto node) {
    return node.getOpType().equals("Softmax")
        && comesFromProduct(node.getInput(0))
        && goesIntoProduct(node.getOutput(0));
  }

  private boolean comesFromProduct(String tensor) {
    NodeProto node = graph.producer(tensor);
    if (node == null || graph.isConstant(tensor)) {
      return false;
    }
    return isProductOfTwo(node)
        || (BEFORE_SOFTMAX.contains(node.getOpType())
            && node.getInputList().stream().anyMatch(this::comesFromProduct));
  }

  private boolean goesIntoProduct(String tensor) {
    return graph.consumers(tensor).stream()
        .anyMatch(node ->
            (isProductOfTwo(node) && node.getInput(0).equals(tensor))
                || (AFTER_SOFTMAX.contains(node.getOpType())
                    && goesIntoProduct(node.getOutput(0))));
  }

  private boolean isProductOfTwo(NodeProto node) {
    return (node.getOpType().endsWith("MatMul") || node.getOpType().equals("Einsum"))
        && node.getInputList().stream().noneMatch(graph::isConstant);
  }
}
