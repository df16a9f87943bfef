package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Recognises rotation that is written in single operators: {@code x * cos + rotated(x) * sin},
 * where {@code rotated} puts the negated second half of a head in front of the first, and where
 * cosines and sines are computed from positions and inverse frequencies.
 */
final class RotaryNodes {

  private static final Set<String> LAYOUT =
      Set.of(
          "Unsqueeze", "Squeeze", "Cast", "Reshape", "Transpose", "Expand", "Identity", "Gather");

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final ExternalData data;
  private final InputMeanings inputs;

  /**
   * Takes the graph.
   *
   * @param inputs notes where positions come from
   */
  RotaryNodes(GraphIndex graph, ShapeInference shapes, ExternalData data, InputMeanings inputs) {
    this.graph = graph;
    this.shapes = shapes;
    this.data = data;
    this.inputs = inputs;
  }

  /**
   * A rotation found.
   *
   * @param source what is rotated
   * @param cos cosines of the positions
   * @param sin sines of the positions
   */
  record Rotated(String source, String cos, String sin) {}

  /** The rotation that makes a tensor, or null if none does that is known. */
  @Nullable Rotated rotated(String tensor) throws IOException {
    NodeProto node = graph.producer(tensor);
    if (node == null) {
      return null;
    }
    return switch (node.getOpType()) {
      case "Add" -> {
        Rotated found = sum(node.getInput(0), node.getInput(1));
        yield found == null ? sum(node.getInput(1), node.getInput(0)) : found;
      }
      case "Concat" -> partly(node);
      default -> null;
    };
  }

  private @Nullable Rotated sum(String plain, String turned) throws IOException {
    NodeProto byCos = graph.producer(plain, "Mul");
    NodeProto bySin = graph.producer(turned, "Mul");
    if (byCos == null || bySin == null) {
      return null;
    }
    for (int side = 0; side < 2; side++) {
      String source = byCos.getInput(side);
      String cos = byCos.getInput(1 - side);
      for (int other = 0; other < 2; other++) {
        String sin = bySin.getInput(1 - other);
        if (isHalfTurn(bySin.getInput(other), source) && wave(cos, "Cos") != null) {
          return wave(sin, "Sin") == null ? null : new Rotated(source, cos, sin);
        }
      }
    }
    return null;
  }

  /** Whether a tensor is the negated second half of another, followed by its first half. */
  private boolean isHalfTurn(String tensor, String source) throws IOException {
    NodeProto halves = graph.producer(tensor, "Concat");
    if (halves == null || halves.getInputCount() != 2) {
      return false;
    }
    NodeProto negated = graph.producer(halves.getInput(0), "Neg");
    return negated != null
        && isPart(negated.getInput(0), source, 1)
        && isPart(halves.getInput(1), source, 0);
  }

  /**
   * Whether a tensor is the first part of another (0) or the second one (1) along its last axis.
   */
  private boolean isPart(String tensor, String source, int part) throws IOException {
    NodeProto node = graph.producer(tensor);
    if (node == null || !node.getInput(0).equals(source)) {
      return false;
    }
    return switch (node.getOpType()) {
      case "Split" -> node.getOutput(part).equals(tensor);
      case "Slice" -> {
        double start = shapes.numbers().scalar(GraphIndex.input(node, 1));
        yield part == 0 ? start == 0 : start != 0;
      }
      default -> false;
    };
  }

  /** A head of which the first elements are rotated and the others are not. */
  private @Nullable Rotated partly(NodeProto concat) throws IOException {
    if (concat.getInputCount() != 2) {
      return null;
    }
    Rotated first = rotated(concat.getInput(0));
    NodeProto part = first == null ? null : graph.producer(first.source());
    if (first == null
        || part == null
        || !isPart(first.source(), part.getInput(0), 0)
        || !isPart(concat.getInput(1), part.getInput(0), 1)) {
      return null;
    }
    return new Rotated(part.getInput(0), first.cos(), first.sin());
  }

  /**
   * The way up to the node that makes cosines or sines.
   *
   * @param node that node
   * @param factor of what it makes
   * @param chosen by which positions are chosen from what it makes; empty if it makes those only
   */
  private record Wave(NodeProto node, double factor, String chosen) {}

  private @Nullable Wave wave(String tensor, String operator) throws IOException {
    String at = tensor;
    double factor = 1;
    String chosen = "";
    while (true) {
      HeadPath path = HeadPath.up(graph, shapes, at);
      factor *= path.factor();
      NodeProto node = graph.producer(path.tensor());
      if (node == null) {
        return null;
      }
      if (node.getOpType().equals(operator)) {
        return new Wave(node, factor, chosen);
      }
      boolean doubled =
          node.getOpType().equals("Concat") && new HashSet<>(node.getInputList()).size() == 1;
      if (!doubled && !LAYOUT.contains(node.getOpType())) {
        return null;
      }
      if (node.getOpType().equals("Gather")) {
        chosen = node.getInput(1);
      }
      at = node.getInput(0);
    }
  }

  /**
   * The rotation by computed cosines and sines.
   *
   * @param user names the reader in errors
   * @param interleaved whether its pairs are neighbours
   */
  RotaryTable table(NodeProto user, String cos, String sin, boolean interleaved)
      throws IOException {
    Wave cosine = wave(cos, "Cos");
    Wave sine = wave(sin, "Sin");
    if (cosine == null || sine == null) {
      NodeProto producer = graph.producer(cosine == null ? cos : sin);
      throw UnsupportedModelException.at(
          user,
          "the %s of its rotation come from %s, supported are an initializer and those of positions"
              .formatted(
                  cosine == null ? "cosines" : "sines",
                  producer == null
                      ? "input '" + (cosine == null ? cos : sin) + "'"
                      : "node '%s' (%s)".formatted(producer.getName(), producer.getOpType())));
    }
    float[] frequencies = frequencies(user, cosine.node());
    float[] others = frequencies(user, sine.node());
    if (!Arrays.equals(frequencies, others) || cosine.factor() != sine.factor()) {
      throw UnsupportedModelException.at(user, "its cosines and sines are of different angles");
    }
    inputs.notePositions(cosine.node().getInput(0));
    inputs.notePositions(cosine.chosen());
    double[] exact = new double[frequencies.length];
    Arrays.setAll(exact, i -> frequencies[i]);
    return new RotaryTable(exact, (float) cosine.factor(), interleaved, 2 * exact.length);
  }

  /** The only list of numbers from which the angles are computed. */
  private float[] frequencies(NodeProto user, NodeProto wave) throws IOException {
    List<TensorProto> found = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(wave.getInput(0)));
    while (!open.isEmpty()) {
      String tensor = open.pop();
      if (tensor.isEmpty() || !seen.add(tensor)) {
        continue;
      }
      TensorProto value = graph.value(tensor);
      if (value != null && isReal(value) && GraphIndex.count(value) > 1) {
        found.add(value);
      }
      NodeProto node = graph.producer(tensor);
      if (node != null && !node.getOpType().equals("Shape")) {
        node.getInputList().forEach(open::push);
      }
    }
    if (found.size() != 1) {
      throw UnsupportedModelException.at(
          user,
          "its angles '%s' are computed from %d lists of numbers, supported is one of inverse frequencies"
              .formatted(wave.getInput(0), found.size()));
    }
    return data.floats(found.getFirst());
  }

  private static boolean isReal(TensorProto value) {
    int type = value.getDataType();
    return type == DataType.FLOAT_VALUE
        || type == DataType.FLOAT16_VALUE
        || type == DataType.BFLOAT16_VALUE;
  }
}
