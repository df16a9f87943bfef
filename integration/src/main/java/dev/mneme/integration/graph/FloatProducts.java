package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;
import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lets products take activations as they are, where they would round them to 8 bits for speed.
 *
 * <p>{@code MatMulNBits} does so by the attribute {@code accuracy_level}. ONNX Runtime's dynamic
 * quantisation writes a product of {@code a} and {@code b} in single operators,
 *
 * <pre>
 * qa, sa, za = DynamicQuantizeLinear(a), and the same of b
 * product = Cast(MatMulInteger(qa, qb, za, zb)) * (sa * sb)
 * </pre>
 *
 * and that in attention too, whose products are of two activations.
 */
final class FloatProducts {

  private static final String LEVEL = "accuracy_level";
  private static final long FLOAT32 = 1;
  private static final long INT8 = 4;

  private FloatProducts() {}

  /** Whether a product rounds its activations only because of its attribute. */
  static boolean isRounding(NodeProto node) {
    return node.getOpType().equals("MatMulNBits") && GraphIndex.integer(node, LEVEL, 0) == INT8;
  }

  /** The model without such rounding. */
  static ModelProto of(ModelProto model) {
    ModelProto.Builder exact = model.toBuilder();
    for (NodeProto.Builder node : exact.getGraphBuilder().getNodeBuilderList()) {
      if (isRounding(node.build())) {
        List<AttributeProto> others =
            node.getAttributeList().stream()
                .filter(attribute -> !attribute.getName().equals(LEVEL))
                .toList();
        node.clearAttribute().addAllAttribute(others).addAttribute(attribute(LEVEL, FLOAT32));
      }
    }
    return exact.build();
  }

  /** The model with products of two activations, and so its attention, without such rounding. */
  static ModelProto ofActivations(ModelProto model) {
    Map<String, NodeProto> producers = new HashMap<>();
    for (NodeProto node : model.getGraph().getNodeList()) {
      node.getOutputList().forEach(output -> producers.put(output, node));
    }
    List<NodeProto> nodes = new ArrayList<>();
    Set<NodeProto> rounding = Collections.newSetFromMap(new IdentityHashMap<>());
    for (NodeProto node : model.getGraph().getNodeList()) {
      List<String> factors = factors(node, producers, rounding);
      nodes.add(
          factors.isEmpty()
              ? node
              : NodeProto.newBuilder()
                  .setName(node.getName())
                  .setOpType("MatMul")
                  .addAllInput(factors)
                  .addOutput(node.getOutput(0))
                  .build());
    }
    if (rounding.isEmpty()) {
      return model;
    }
    Set<String> read = new HashSet<>();
    nodes.stream()
        .filter(node -> !rounding.contains(node))
        .forEach(node -> read.addAll(node.getInputList()));
    // What rounds an activation for a product with weights too is still needed.
    nodes.removeIf(
        node -> rounding.contains(node) && node.getOutputList().stream().noneMatch(read::contains));
    ModelProto.Builder exact = model.toBuilder();
    exact.getGraphBuilder().clearNode().addAllNode(nodes);
    return exact.build();
  }

  /**
   * What a node is the product of, if it is the last of those that multiply two activations as
   * integers, else none.
   *
   * @param rounding receives the other nodes of the product
   */
  private static List<String> factors(
      NodeProto node, Map<String, NodeProto> producers, Set<NodeProto> rounding) {
    for (int i = 0; node.getOpType().equals("Mul") && i < 2; i++) {
      NodeProto cast = made("Cast", node, i, producers);
      NodeProto scales = made("Mul", node, 1 - i, producers);
      NodeProto product = cast == null ? null : made("MatMulInteger", cast, 0, producers);
      NodeProto left =
          product == null ? null : made("DynamicQuantizeLinear", product, 0, producers);
      NodeProto right =
          product == null ? null : made("DynamicQuantizeLinear", product, 1, producers);
      if (left != null
          && right != null
          && scales != null
          && Set.copyOf(scales.getInputList())
              .equals(Set.copyOf(List.of(left.getOutput(1), right.getOutput(1))))) {
        rounding.addAll(List.of(requireNonNull(cast), scales, product, left, right));
        return List.of(left.getInput(0), right.getInput(0));
      }
    }
    return List.of();
  }

  private static @Nullable NodeProto made(
      String operator, NodeProto reader, int input, Map<String, NodeProto> producers) {
    NodeProto node = producers.get(reader.getInput(input));
    return node != null && node.getOpType().equals(operator) ? node : null;
  }
}
