package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A graph's nodes, initializers and inputs by the names of their tensors. Nodes may be added and
 * replaced while the graph is read. Not thread-safe.
 */
final class GraphIndex {

  /** Largest constant that is looked into: sizes and factors, not weights. */
  private static final int MOST_NUMBERS = 64;

  private final GraphProto graph;
  private final ExternalData data;
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Map<String, NodeProto> producers = new HashMap<>();
  private final Map<String, List<NodeProto>> consumers = new HashMap<>();
  private final Map<String, TensorProto> initializers = new LinkedHashMap<>();
  private final Map<String, ValueInfoProto> inputs = new LinkedHashMap<>();
  private final Set<String> constants = new HashSet<>();

  /** Indexes a graph. */
  GraphIndex(GraphProto graph, ExternalData data) {
    this.graph = graph;
    this.data = data;
    for (TensorProto initializer : graph.getInitializerList()) {
      initializers.put(initializer.getName(), initializer);
    }
    constants.addAll(initializers.keySet());
    for (ValueInfoProto input : graph.getInputList()) {
      // Old exporters list initializers among the inputs too.
      if (!initializers.containsKey(input.getName())) {
        inputs.put(input.getName(), input);
      }
    }
    for (NodeProto node : NodeOrder.of(graph.getNodeList())) {
      index(node);
      nodes.add(node);
    }
  }

  private void index(NodeProto node) {
    boolean constant = true;
    for (String input : node.getInputList()) {
      if (input.isEmpty()) {
        continue;
      }
      if (!producers.containsKey(input)
          && !initializers.containsKey(input)
          && !inputs.containsKey(input)) {
        throw UnsupportedModelException.at(
            node, "reads '" + input + "', which no node before it, initializer or input provides");
      }
      consumers.computeIfAbsent(input, name -> new ArrayList<>()).add(node);
      constant &= constants.contains(input);
    }
    for (String output : node.getOutputList()) {
      if (!output.isEmpty()) {
        producers.put(output, node);
        if (constant) {
          constants.add(output);
        }
      }
    }
  }

  /** All nodes, each after those that it reads. */
  List<NodeProto> nodes() {
    return nodes;
  }

  /** Adds a node right behind the one that makes its first input, or first if none does. */
  void add(NodeProto node) {
    index(node);
    NodeProto producer = producer(node.getInput(0));
    nodes.add(producer == null ? 0 : nodes.indexOf(producer) + 1, node);
  }

  /** Puts a node of the same outputs into the place of another. */
  void replace(NodeProto old, NodeProto replacement) {
    nodes.set(nodes.indexOf(old), replacement);
    old.getInputList().forEach(input -> consumers(input).remove(old));
    index(replacement);
  }

  /** Adds a constant under a name that no tensor has. */
  void add(TensorProto initializer) {
    initializers.put(initializer.getName(), initializer);
    constants.add(initializer.getName());
  }

  /** All initializers. */
  Collection<TensorProto> initializers() {
    return initializers.values();
  }

  /** The graph's inputs that are no initializers. */
  Map<String, ValueInfoProto> inputs() {
    return inputs;
  }

  /** Names of the graph's outputs. */
  List<String> outputs() {
    return graph.getOutputList().stream().map(ValueInfoProto::getName).toList();
  }

  /** Number of axes that an output is declared with. */
  int outputRank(String output) {
    return graph.getOutputList().stream()
        .filter(info -> info.getName().equals(output))
        .mapToInt(info -> info.getType().getTensorType().getShape().getDimCount())
        .findFirst()
        .orElse(0);
  }

  /** What the graph declares of its tensors: inputs, outputs and those between. */
  List<ValueInfoProto> declarations() {
    List<ValueInfoProto> all = new ArrayList<>(graph.getValueInfoList());
    all.addAll(graph.getOutputList());
    all.addAll(graph.getInputList());
    return all;
  }

  /** The node that makes a tensor, or null if it is an initializer or an input. */
  @Nullable NodeProto producer(String tensor) {
    return producers.get(tensor);
  }

  /** The node that makes a tensor if it has that operator, else null. */
  @Nullable NodeProto producer(String tensor, String operator) {
    NodeProto node = producers.get(tensor);
    return node != null && node.getOpType().equals(operator) ? node : null;
  }

  /** The tensor that a tensor comes from by the first inputs of nodes with these operators. */
  String source(String tensor, Set<String> operators) {
    String source = tensor;
    NodeProto producer = producer(source);
    while (producer != null && operators.contains(producer.getOpType())) {
      source = producer.getInput(0);
      producer = producer(source);
    }
    return source;
  }

  List<NodeProto> consumers(String tensor) {
    return consumers.getOrDefault(tensor, List.of());
  }

  @Nullable TensorProto initializer(String tensor) {
    return initializers.get(tensor);
  }

  /** Whether a tensor depends on no input of the graph. */
  boolean isConstant(String tensor) {
    return constants.contains(tensor);
  }

  /** The value of a tensor that is an initializer or a {@code Constant} node, else null. */
  @Nullable TensorProto value(String tensor) {
    NodeProto producer = producers.get(tensor);
    if (producer != null && producer.getOpType().equals("Constant")) {
      AttributeProto value = attribute(producer, "value");
      return value == null ? null : value.getT();
    }
    return initializers.get(tensor);
  }

  /** The values of a small constant of numbers, or null if the tensor is not one. */
  double @Nullable [] numbers(String tensor) throws IOException {
    TensorProto value = value(tensor);
    if (value != null) {
      return count(value) > MOST_NUMBERS ? null : data.numbers(value).orElse(null);
    }
    NodeProto producer = producers.get(tensor);
    if (producer == null || !producer.getOpType().equals("Constant")) {
      return null;
    }
    AttributeProto one = producer.getAttribute(0);
    return switch (one.getName()) {
      case "value_ints" -> one.getIntsList().stream().mapToDouble(Long::doubleValue).toArray();
      case "value_int" -> new double[] {one.getI()};
      case "value_floats" -> one.getFloatsList().stream().mapToDouble(Float::doubleValue).toArray();
      case "value_float" -> new double[] {one.getF()};
      default -> null;
    };
  }

  /** Number of elements. */
  static long count(TensorProto tensor) {
    return tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b);
  }

  /** The first number of a tensor that is an attribute. */
  double number(TensorProto tensor) throws IOException {
    return data.numbers(tensor).orElse(new double[] {KnownNumbers.UNKNOWN})[0];
  }

  /** The name of a node's input, empty if it is left out. */
  static String input(NodeProto node, int index) {
    return index < node.getInputCount() ? node.getInput(index) : "";
  }

  static @Nullable AttributeProto attribute(NodeProto node, String name) {
    for (AttributeProto attribute : node.getAttributeList()) {
      if (attribute.getName().equals(name)) {
        return attribute;
      }
    }
    return null;
  }

  static long integer(NodeProto node, String name, long absent) {
    AttributeProto attribute = attribute(node, name);
    return attribute == null ? absent : attribute.getI();
  }

  static float real(NodeProto node, String name, float absent) {
    AttributeProto attribute = attribute(node, name);
    return attribute == null ? absent : attribute.getF();
  }
}
