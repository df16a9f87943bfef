package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;

/**
 * Keys, or values, of a layer that the uncut graph takes as an input and gives back, those of the
 * tokens read meanwhile included, as an output: the input of the next run.
 *
 * @param past name of the input
 * @param present name of the output
 * @param type element type of both
 * @param sizes of the input for one sequence of which nothing was read yet, so 0 at {@code
 *     tokenAxis}
 * @param tokenAxis the axis of tokens
 * @param inPlace whether both may be one buffer, with room for more tokens than were read
 */
public record CacheTensor(
    String past, String present, DataType type, List<Long> sizes, int tokenAxis, boolean inPlace) {

  private static final int RANK = 4;

  /** What may stand between keys that were put behind those of the past and the graph's output. */
  private static final Set<String> HANDED_ON = Set.of("Cast", "Identity", "Slice");

  /** Copies the list. */
  public CacheTensor {
    sizes = List.copyOf(sizes);
  }

  /** The shape of the input with room for so many tokens. */
  public long[] shape(int tokens) {
    long[] shape = sizes.stream().mapToLong(Long::longValue).toArray();
    shape[tokenAxis] = tokens;
    return shape;
  }

  /**
   * Reads what is declared of an input.
   *
   * @param user names the reader in errors
   * @param kvHeads size of the axis of heads where the graph does not say
   * @param headDim size of the axis of a head's elements, which comes after it, the same
   */
  static CacheTensor read(
      GraphIndex graph,
      NodeProto user,
      CachePlace place,
      boolean inPlace,
      int kvHeads,
      int headDim) {
    ValueInfoProto input = graph.inputs().get(place.past());
    if (input == null || place.all().isEmpty()) {
      throw UnsupportedModelException.at(
          user,
          "its cache goes from '%s' to '%s', supported are an input and an output of the graph"
              .formatted(place.past(), place.all()));
    }
    var type = input.getType().getTensorType();
    List<Dimension> declared = type.getShape().getDimList();
    if (declared.size() != RANK) {
      throw UnsupportedModelException.at(
          user,
          "its cache '%s' is of rank %d, supported is %d"
              .formatted(place.past(), declared.size(), RANK));
    }
    int tokenAxis = place.axis() < 0 ? place.axis() + RANK : place.axis();
    Deque<Integer> others = new ArrayDeque<>(List.of(kvHeads, headDim));
    List<Long> sizes = new ArrayList<>(List.of(1L));
    for (int i = 1; i < RANK; i++) {
      if (i == tokenAxis) {
        sizes.add(0L);
      } else {
        long unsaid = others.isEmpty() ? 0 : others.pop();
        sizes.add(declared.get(i).getDimValue() > 0 ? declared.get(i).getDimValue() : unsaid);
      }
    }
    DataType elements = DataType.forNumber(type.getElemType());
    return new CacheTensor(
        place.past(),
        output(graph, place.all()),
        elements == null ? DataType.UNDEFINED : elements,
        sizes,
        tokenAxis,
        inPlace);
  }

  /** The output that a tensor becomes; the tensor itself if it becomes none. */
  private static String output(GraphIndex graph, String all) {
    Deque<String> open = new ArrayDeque<>(List.of(all));
    while (!open.isEmpty()) {
      String tensor = open.pop();
      if (graph.outputs().contains(tensor)) {
        return tensor;
      }
      graph.consumers(tensor).stream()
          .filter(node -> HANDED_ON.contains(node.getOpType()) && node.getInput(0).equals(tensor))
          .forEach(node -> open.add(node.getOutput(0)));
    }
    return all;
  }
}
