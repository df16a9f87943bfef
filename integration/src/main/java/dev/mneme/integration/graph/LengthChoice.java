package dev.mneme.integration.graph;

import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The choice between constants by the length of a text, as onnxruntime-genai's builder writes
 * LongRoPE: nodes {@code If} whose condition compares a length with a constant, and whose branches
 * hold nothing but tables of rotation.
 *
 * <p>That what is compared is the length is not looked into: a comparison of the cut model with the
 * whole one on a short text would not be equal if it were something else.
 */
final class LengthChoice {

  private final ModelProto model;
  private final Map<NodeProto, Condition> choices;
  private final int limit;

  private LengthChoice(ModelProto model, Map<NodeProto, Condition> choices, int limit) {
    this.model = model;
    this.choices = choices;
    this.limit = limit;
  }

  /**
   * Looks for choices in a model.
   *
   * @return null if there are none
   * @throws UnsupportedModelException if there are several that change at different lengths
   */
  static @Nullable LengthChoice in(ModelProto model, ExternalData data) throws IOException {
    if (model.getGraph().getNodeList().stream().noneMatch(LengthChoice::isChoice)) {
      return null;
    }
    GraphIndex graph = new GraphIndex(model.getGraph(), data);
    Map<NodeProto, Condition> choices = new LinkedHashMap<>();
    Set<Integer> limits = new TreeSet<>();
    for (NodeProto node : graph.nodes()) {
      if (isChoice(node)) {
        Condition condition = Condition.of(graph, graph.producer(node.getInput(0)));
        if (condition != null) {
          choices.put(node, condition);
          limits.add(condition.limit());
        }
      }
    }
    if (limits.size() > 1) {
      throw new UnsupportedModelException(
          "its constants are chosen by several lengths of a text, %s tokens; supported is one"
              .formatted(limits));
    }
    return choices.isEmpty() ? null : new LengthChoice(model, choices, limits.iterator().next());
  }

  /** Whether a node chooses between constants. */
  private static boolean isChoice(NodeProto node) {
    return node.getOpType().equals("If")
        && node.getAttributeList().stream()
            .allMatch(branch -> values(branch.getG()).size() == node.getOutputCount());
  }

  /** The outputs of a branch that are constants, in their order. */
  private static List<TensorProto> values(GraphProto branch) {
    List<TensorProto> values = new ArrayList<>();
    for (var output : branch.getOutputList()) {
      branch.getInitializerList().stream()
          .filter(tensor -> tensor.getName().equals(output.getName()))
          .forEach(values::add);
      branch.getNodeList().stream()
          .filter(node -> node.getOutputList().contains(output.getName()))
          .map(node -> GraphIndex.attribute(node, "value"))
          .filter(value -> value != null && value.hasT())
          .forEach(value -> values.add(value.getT()));
    }
    return values;
  }

  /** Longest text, in tokens, for which the shorter one is chosen. */
  int limit() {
    return limit;
  }

  /** The model with the choice made: what was chosen are initializers. */
  ModelProto made(boolean longer) {
    ModelProto.Builder made = model.toBuilder();
    GraphProto.Builder graph = made.getGraphBuilder().clearNode();
    for (NodeProto node : model.getGraph().getNodeList()) {
      Condition condition = choices.get(node);
      if (condition == null) {
        graph.addNode(node);
        continue;
      }
      String branch = condition.holdsIfLonger() == longer ? "then_branch" : "else_branch";
      AttributeProto chosen = requireNonNull(GraphIndex.attribute(node, branch), branch);
      List<TensorProto> values = values(chosen.getG());
      for (int i = 0; i < values.size(); i++) {
        graph.addInitializer(values.get(i).toBuilder().setName(node.getOutput(i)));
      }
    }
    return made.build();
  }

  /**
   * A length compared with a constant.
   *
   * @param limit the largest of the shorter lengths
   * @param holdsIfLonger whether the comparison is true beyond it, not up to it
   */
  private record Condition(int limit, boolean holdsIfLonger) {

    /** Returns null if a node is no such comparison, or with what no text is as short as. */
    static @Nullable Condition of(GraphIndex graph, @Nullable NodeProto node) throws IOException {
      if (node == null || node.getInputCount() != 2) {
        return null;
      }
      boolean greater = node.getOpType().startsWith("Greater");
      double[] left = graph.numbers(node.getInput(0));
      double[] right = graph.numbers(node.getInput(1));
      if ((left == null) == (right == null) || !(greater || node.getOpType().startsWith("Less"))) {
        return null;
      }
      boolean holdsIfLonger = greater == (left == null);
      boolean holdsIfEqual = node.getOpType().endsWith("OrEqual");
      double[] constant = left == null ? requireNonNull(right) : left;
      if (constant.length != 1) {
        return null;
      }
      int limit = (int) constant[0] - (holdsIfLonger == holdsIfEqual ? 1 : 0);
      return limit > 0 ? new Condition(limit, holdsIfLonger) : null;
    }
  }
}
