package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Nodes in an order in which each comes after those that it reads. ONNX demands it, but tools that
 * convert to half precision append nodes at the end, and ONNX Runtime takes that.
 */
final class NodeOrder {

  private final List<NodeProto> nodes;
  private final Map<String, Integer> makers = new HashMap<>();
  private final Set<Integer> ordered = new LinkedHashSet<>();

  private NodeOrder(List<NodeProto> nodes) {
    this.nodes = nodes;
    for (int i = 0; i < nodes.size(); i++) {
      for (String output : nodes.get(i).getOutputList()) {
        if (!output.isEmpty()) {
          makers.put(output, i);
        }
      }
    }
  }

  /** The nodes, in their own order where it is one. Those of a cycle stay out of order. */
  static List<NodeProto> of(List<NodeProto> nodes) {
    NodeOrder order = new NodeOrder(nodes);
    boolean[] begun = new boolean[nodes.size()];
    IntStream.range(0, nodes.size()).forEach(node -> order.add(node, begun));
    return order.ordered.stream().map(nodes::get).toList();
  }

  /** Adds a node behind all that it is made from. */
  private void add(int node, boolean[] begun) {
    Deque<Integer> open = new ArrayDeque<>(List.of(node));
    while (!open.isEmpty()) {
      int top = open.peek();
      if (begun[top]) {
        ordered.add(open.pop());
        continue;
      }
      begun[top] = true;
      for (String input : nodes.get(top).getInputList()) {
        Integer maker = makers.get(input);
        if (maker != null && !begun[maker]) {
          open.push(maker);
        }
      }
    }
  }
}
