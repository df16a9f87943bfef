package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.mneme.integration.graph.ElementReader.Column;
import dev.mneme.integration.graph.Elements.Term;
import dev.mneme.integration.graph.Elements.Wave;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Recognises rotation that is written in single operators, by what each element of a head becomes
 * and not by the operators that it is written in.
 *
 * <p>The elements of a pair, {@code (a, b)}, become {@code (a cos - b sin, b cos + a sin)}, where
 * cosines and sines are computed from positions and inverse frequencies, or are rows of a table by
 * position; the elements behind all pairs stay as they are.
 */
final class RotaryNodes {

  /** What rotation is written in, apart from cosines and sines. */
  private static final Set<String> OPERATORS =
      Set.of(
          "Add",
          "Cast",
          "Concat",
          "Gather",
          "Identity",
          "Mul",
          "Neg",
          "Reshape",
          "Slice",
          "Split",
          "Squeeze",
          "Sub",
          "Transpose",
          "Unsqueeze");

  /** Most tensors that are tried for what is rotated. */
  private static final int MOST_SOURCES = 64;

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final ExternalData data;
  private final InputMeanings inputs;
  private final IdentityHashMap<TensorProto, float[]> contents = new IdentityHashMap<>();
  private final Map<Tabulated, RotaryTable> fitted = new HashMap<>();

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
   * @param table how
   */
  record Rotated(String source, RotaryTable table) {}

  /** A turn by columns of tables. */
  private record Tabulated(Turn turn, List<Column> columns) {}

  /** The rotation that makes a tensor, or null if none does that is known. */
  @Nullable Rotated rotated(String tensor) throws IOException {
    for (String source : above(tensor)) {
      ElementReader reader = new ElementReader(graph, shapes, data, source);
      Elements elements = reader.of(tensor);
      Turn turn = elements == null ? null : Turn.of(elements);
      RotaryTable table = turn == null ? null : table(turn, reader);
      if (table != null) {
        return new Rotated(source, table);
      }
    }
    return null;
  }

  /** The tensors that a rotation may be of, the nearest first. */
  private Set<String> above(String tensor) {
    Set<String> found = new LinkedHashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    while (!open.isEmpty() && found.size() < MOST_SOURCES) {
      NodeProto node = graph.producer(open.remove());
      if (node != null && OPERATORS.contains(node.getOpType())) {
        for (String input : node.getInputList()) {
          if (!graph.isConstant(input) && found.add(input)) {
            open.add(input);
          }
        }
      }
    }
    return found;
  }

  /** The table of a turn whose waves a reader met, or null if its parts turn by other angles. */
  private @Nullable RotaryTable table(Turn turn, ElementReader reader) throws IOException {
    RotaryTable table =
        turn.tabulated() ? tabulated(turn, reader.columns()) : computed(turn, reader);
    if (table != null) {
      reader.positions().forEach(inputs::notePositions);
    }
    return table;
  }

  private static @Nullable RotaryTable computed(Turn turn, ElementReader reader) {
    float[] known = reader.frequencies();
    double[] frequencies = new double[turn.pairs().size()];
    for (int i = 0; i < frequencies.length; i++) {
      Turn.Pair pair = turn.pairs().get(i);
      frequencies[i] = known[pair.cosine()];
      if (known[pair.sine()] != frequencies[i]
          || known[pair.otherCosine()] != frequencies[i]
          || known[pair.otherSine()] != frequencies[i]) {
        return null;
      }
    }
    return new RotaryTable(
        frequencies, (float) turn.magnitude(), turn.interleaved(), 2 * frequencies.length);
  }

  private @Nullable RotaryTable tabulated(Turn turn, List<Column> columns) throws IOException {
    Tabulated key = new Tabulated(turn, List.copyOf(columns));
    RotaryTable known = fitted.get(key);
    if (known == null) {
      known = fit(turn, columns);
      if (known != null) {
        fitted.put(key, known);
      }
    }
    return known;
  }

  private @Nullable RotaryTable fit(Turn turn, List<Column> columns) throws IOException {
    int pairs = turn.pairs().size();
    TensorProto table = columns.getFirst().table();
    int rows = columns.getFirst().rows();
    float[] cos = new float[rows * pairs];
    float[] sin = new float[rows * pairs];
    for (int i = 0; i < pairs; i++) {
      Turn.Pair pair = turn.pairs().get(i);
      float[] cosine = values(columns.get(pair.cosine()));
      float[] sine = values(columns.get(pair.sine()));
      if (cosine.length != rows
          || sine.length != rows
          || !Arrays.equals(cosine, values(columns.get(pair.otherCosine())))
          || !Arrays.equals(sine, values(columns.get(pair.otherSine())))) {
        return null;
      }
      for (int row = 0; row < rows; row++) {
        cos[row * pairs + i] = (float) (turn.magnitude() * cosine[row]);
        sin[row * pairs + i] = (float) (turn.magnitude() * sine[row]);
      }
    }
    try {
      return new RotaryFit(cos, sin, pairs, RotaryFit.rounding(table)).table(turn.interleaved());
    } catch (RotaryFit.NotARotation e) {
      throw new UnsupportedModelException(
          "unknown rotation in table '%s': %s".formatted(table.getName(), e.getMessage()));
    }
  }

  private float[] values(Column column) throws IOException {
    float[] all = contents.get(column.table());
    if (all == null) {
      all = data.floats(column.table());
      contents.put(column.table(), all);
    }
    float[] values = new float[column.rows()];
    int count = all.length / values.length;
    for (int row = 0; row < values.length; row++) {
      values[row] = all[row * count + column.number()];
    }
    return values;
  }

  /**
   * The rotation by cosines and sines that are computed from positions, or are rows of a table by
   * position: a column for each pair.
   *
   * @param user names the reader in errors
   * @param interleaved whether its pairs are neighbours
   */
  RotaryTable table(NodeProto user, String cos, String sin, boolean interleaved)
      throws IOException {
    ElementReader reader = new ElementReader(graph, shapes, data, "");
    List<Term> cosines = waves(user, reader, "cosines", cos, Turn.COSINES);
    List<Term> sines = waves(user, reader, "sines", sin, Turn.SINES);
    Turn turn = Turn.of(interleaved, cosines, sines);
    RotaryTable table = turn == null ? null : table(turn, reader);
    if (table == null) {
      throw UnsupportedModelException.at(user, "its cosines and sines are of different angles");
    }
    return table;
  }

  private List<Term> waves(
      NodeProto user, ElementReader reader, String what, String tensor, Set<Wave> waves)
      throws IOException {
    Elements elements = reader.of(tensor);
    if (elements == null
        || !elements.sums().stream()
            .allMatch(sum -> sum.size() == 1 && waves.contains(sum.getFirst().wave()))) {
      NodeProto producer = graph.producer(tensor);
      throw UnsupportedModelException.at(
          user,
          "the %s of its rotation come from %s, supported are an initializer and those of positions"
              .formatted(
                  what,
                  producer == null
                      ? "input '" + tensor + "'"
                      : "node '%s' (%s)".formatted(producer.getName(), producer.getOpType())));
    }
    return elements.sums().stream().map(List::getFirst).toList();
  }
}
