package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.mneme.integration.graph.ModelInput.Meaning;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the inputs of a graph say about its tokens. Noted where attention is read, as its operands
 * say it; what nobody notes is a mask.
 */
final class InputMeanings {

  /** What may stand between an input and its reader without changing its numbers. */
  private static final Set<String> LAYOUT =
      Set.of("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze");

  /** What may stand between positions and angles besides: no sums over a mask, and no sizes. */
  private static final Set<String> ARITHMETIC =
      Set.of(
          "Add",
          "Concat",
          "Div",
          "Einsum",
          "Expand",
          "Gather",
          "MatMul",
          "Mul",
          "Slice",
          "Split",
          "Sub",
          "Transpose");

  private final GraphIndex graph;
  private final Map<String, Meaning> noted = new HashMap<>();

  InputMeanings(GraphIndex graph) {
    this.graph = graph;
  }

  /** Where a tensor's numbers come from, whatever their layout. */
  String source(String tensor) {
    return graph.source(tensor, LAYOUT);
  }

  /** Notes what a tensor says, which is of interest if its numbers are those of an input. */
  void note(String tensor, Meaning meaning) {
    noted.put(source(tensor), meaning);
  }

  /** Notes that angles, or numbers of rows, are computed from positions, if an input has these. */
  void notePositions(String computed) {
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(computed));
    while (!open.isEmpty()) {
      String tensor = source(open.pop());
      NodeProto node = graph.producer(tensor);
      if (node == null) {
        noted.put(tensor, Meaning.POSITIONS);
      } else if (seen.add(tensor) && ARITHMETIC.contains(node.getOpType())) {
        node.getInputList().forEach(open::push);
      }
    }
  }

  /**
   * The inputs that are neither token ids nor caches.
   *
   * @param layers all layers, whose reading has noted what it met
   */
  List<ModelInput> others(String tokenInput, List<AttentionLayer> layers) {
    Set<String> known = new HashSet<>(Set.of(tokenInput));
    layers.forEach(layer -> layer.cache().tensors().forEach(cache -> known.add(cache.past())));
    return graph.inputs().values().stream()
        .filter(input -> !known.contains(input.getName()))
        .map(this::described)
        .toList();
  }

  private ModelInput described(ValueInfoProto input) {
    var type = input.getType().getTensorType();
    DataType elements = DataType.forNumber(type.getElemType());
    int rank = type.getShape().getDimCount();
    // A list that has no axis of sequences numbers the tokens that all of them read now.
    Meaning unsaid = rank == 1 ? Meaning.POSITIONS : Meaning.MASK;
    return new ModelInput(
        input.getName(),
        elements == null ? DataType.UNDEFINED : elements,
        rank,
        noted.getOrDefault(input.getName(), unsaid));
  }
}
