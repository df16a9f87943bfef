package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.mneme.integration.graph.Elements.Term;
import dev.mneme.integration.graph.Elements.Wave;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads from a graph what the elements of a head are computed from: elements of a source, and
 * cosines and sines of positions times frequencies. Not thread-safe.
 */
final class ElementReader {

  /** Longest constant that is followed: a head's elements. */
  private static final int MOST = 1024;

  /** What keeps elements in their order. */
  private static final Set<String> LAYOUT =
      Set.of("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze");

  /** What stands between a table, or positions, and the node that gathers one by the other. */
  private static final Set<String> BEFORE_GATHER =
      Set.of("Cast", "Expand", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Unsqueeze");

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final ExternalData data;
  private final String source;
  private final Map<String, Optional<Elements>> elements = new HashMap<>();
  private final Map<String, Optional<Elements>> angles = new HashMap<>();
  private final List<Column> columns = new ArrayList<>();
  private final Set<String> positions = new HashSet<>();
  private float @Nullable [] frequencies;

  /**
   * A column of a table that has a row for each position.
   *
   * @param table {@code [positions, columns]}, with axes of size 1 in front or none
   */
  record Column(TensorProto table, int number) {

    int rows() {
      return Math.toIntExact(table.getDims(table.getDimsCount() - 2));
    }
  }

  /**
   * Makes a reader.
   *
   * @param source the tensor at which it ends, whose last axis is a head's elements or, where that
   *     axis has two of them, whose last two are; empty for none
   */
  ElementReader(GraphIndex graph, ShapeInference shapes, ExternalData data, String source) {
    this.graph = graph;
    this.shapes = shapes;
    this.data = data;
    this.source = source;
  }

  /** The elements of a tensor, or null if they are computed in another way. */
  @Nullable Elements of(String tensor) throws IOException {
    Optional<Elements> known = elements.get(tensor);
    if (known == null) {
      known = Optional.ofNullable(tensor.equals(source) ? head() : followed(tensor, false));
      elements.put(tensor, known);
    }
    return known.orElse(null);
  }

  /** Radians per position by the index of the angle; none if no cosine or sine was met. */
  float[] frequencies() {
    return frequencies == null ? new float[0] : frequencies;
  }

  /** The angles, and numbers of rows, that cosines and sines were met of. */
  Set<String> positions() {
    return positions;
  }

  /** The columns of tables that were met, by the index of the angle. */
  List<Column> columns() {
    return columns;
  }

  private @Nullable Elements head() {
    TensorShape shape = shapes.shape(source);
    if (shape == null || shape.rank() < 3 || shape.last() <= 0) {
      return null;
    }
    boolean paired = shape.last() == 2 && shape.dim(-2) > 0;
    return Elements.of(
        paired
            ? List.of(Math.toIntExact(shape.dim(-2)), 2)
            : List.of(Math.toIntExact(shape.last())),
        Term::element);
  }

  /**
   * Angles: where nothing else is known of a tensor, each column is one of the frequencies, or each
   * row, if the columns are tokens.
   */
  private @Nullable Elements angles(String tensor) throws IOException {
    Optional<Elements> known = angles.get(tensor);
    if (known == null) {
      Elements found = followed(tensor, true);
      known = Optional.ofNullable(found == null ? turning(tensor) : found);
      angles.put(tensor, known);
    }
    return known.orElse(null);
  }

  private @Nullable Elements turning(String tensor) throws IOException {
    float[] found = Frequencies.of(graph, data, tensor);
    TensorShape shape = shapes.shape(tensor);
    if (found == null || (frequencies != null && !Arrays.equals(frequencies, found))) {
      return null;
    }
    boolean byRow =
        shape != null
            && shape.last() == TensorShape.TOKENS
            && shape.rank() > 1
            && shape.dim(-2) == found.length;
    if (!byRow
        && shape != null
        && shape.last() != found.length
        && shape.last() != TensorShape.UNKNOWN) {
      return null;
    }
    frequencies = found;
    return Elements.of(
        byRow ? List.of(found.length, 1) : List.of(found.length), i -> Term.wave(Wave.ANGLE, i));
  }

  private @Nullable Elements followed(String tensor, boolean angle) throws IOException {
    Elements constant = constant(tensor);
    NodeProto node = graph.producer(tensor);
    if (constant != null || node == null) {
      return constant;
    }
    return switch (node.getOpType()) {
      case "Cos" -> angle ? null : wave(node, Wave.COSINE);
      case "Sin" -> angle ? null : wave(node, Wave.SINE);
      case "Gather", "GatherElements" -> {
        Elements columns = angle ? null : column(node);
        yield columns == null ? moved(node, tensor, angle) : columns;
      }
      case "Add", "Sub", "Mul", "Div" -> {
        Elements left = operand(node, 0, angle);
        Elements right = left == null ? null : operand(node, 1, angle);
        yield left == null || right == null ? null : combined(node, left, right);
      }
      case "Concat" -> concatenated(node, angle);
      default -> moved(node, tensor, angle);
    };
  }

  private @Nullable Elements operand(NodeProto node, int index, boolean angle) throws IOException {
    String tensor = node.getInput(index);
    return angle ? angles(tensor) : of(tensor);
  }

  private @Nullable Elements constant(String tensor) throws IOException {
    double scalar = shapes.numbers().scalar(tensor);
    if (!Double.isNaN(scalar)) {
      return Elements.of(List.of(), i -> Term.constant(scalar));
    }
    TensorProto value = graph.value(tensor);
    if (value == null || !Frequencies.isReal(value) || GraphIndex.count(value) > MOST) {
      return null;
    }
    float[] values = data.floats(value);
    List<Integer> dims =
        new ArrayList<>(value.getDimsList().stream().map(Math::toIntExact).toList());
    while (!dims.isEmpty() && dims.getFirst() == 1) {
      dims.removeFirst();
    }
    return Elements.of(dims, i -> Term.constant(values[i]));
  }

  private @Nullable Elements wave(NodeProto node, Wave wave) throws IOException {
    Elements angles = angles(node.getInput(0));
    if (angles != null) {
      positions.add(node.getInput(0));
      return angles.wave(wave);
    }
    int lists = Frequencies.lists(graph, node.getInput(0)).size();
    if (lists != 1) {
      throw UnsupportedModelException.at(
          node,
          "its angles '%s' are computed from %d lists of numbers, supported is one of inverse frequencies"
              .formatted(node.getInput(0), lists));
    }
    return null;
  }

  private static @Nullable Elements combined(NodeProto node, Elements left, Elements right) {
    return switch (node.getOpType()) {
      case "Add" -> left.plus(right);
      case "Sub" -> left.plus(right.scaled(-1));
      case "Mul" -> left.times(right);
      default -> {
        List<Term> divisor = right.sums().getFirst();
        yield right.rank() == 0
                && divisor.equals(List.of(Term.constant(divisor.getFirst().factor())))
            ? left.scaled(1 / divisor.getFirst().factor())
            : null;
      }
    };
  }

  private @Nullable Elements concatenated(NodeProto node, boolean angle) throws IOException {
    List<Elements> parts = new ArrayList<>();
    for (int i = 0; i < node.getInputCount(); i++) {
      Elements part = operand(node, i, angle);
      if (part == null) {
        return null;
      }
      parts.add(part);
    }
    int axis = axis(node.getInput(0), GraphIndex.integer(node, "axis", 0), parts.getFirst());
    return axis < 0 ? null : Elements.concatenated(axis, parts);
  }

  /** What a node makes that takes elements elsewhere and computes nothing. */
  private @Nullable Elements moved(NodeProto node, String tensor, boolean angle)
      throws IOException {
    Elements from = node.getInputCount() == 0 ? null : operand(node, 0, angle);
    if (from == null) {
      return null;
    }
    if (LAYOUT.contains(node.getOpType())) {
      List<Integer> dims = lastAxes(tensor, from.sums().size());
      return from.rank() == 0 ? from : dims == null ? null : from.along(dims);
    }
    return switch (node.getOpType()) {
      case "Neg" -> from.scaled(-1);
      case "Transpose" -> transposed(node, from);
      case "Slice" -> sliced(node, from);
      case "Split" -> split(node, tensor, from);
      case "Gather" -> gathered(node, from);
      case "Expand" -> expanded(tensor, from);
      case "Tile" -> tiled(node, from);
      default -> null;
    };
  }

  /** The fewest last axes of a tensor that have so many elements together, or null. */
  private @Nullable List<Integer> lastAxes(String tensor, int count) {
    TensorShape shape = shapes.shape(tensor);
    List<Integer> dims = new ArrayList<>();
    long product = 1;
    for (int axis = -1; shape != null && axis >= -shape.rank() && product <= count; axis--) {
      long size = shape.dim(axis);
      if (size <= 0) {
        return null;
      }
      dims.addFirst(Math.toIntExact(size));
      product *= size;
      if (product == count) {
        return dims;
      }
    }
    return null;
  }

  /**
   * The axis of elements that an axis of a tensor is.
   *
   * @return negative for an axis of heads or tokens
   */
  private int axis(String tensor, long given, Elements of) {
    if (given < 0) {
      return (int) given + of.rank();
    }
    TensorShape shape = shapes.shape(tensor);
    return shape == null ? -1 : (int) given - shape.rank() + of.rank();
  }

  private static @Nullable Elements transposed(NodeProto node, Elements from) {
    AttributeProto order = GraphIndex.attribute(node, "perm");
    if (order == null) {
      return null;
    }
    int outer = order.getIntsCount() - from.rank();
    List<Integer> inner =
        order.getIntsList().stream()
            .skip(outer)
            .map(axis -> Math.toIntExact(axis) - outer)
            .toList();
    return inner.stream().allMatch(axis -> axis >= 0) ? from.transposed(inner) : null;
  }

  private @Nullable Elements sliced(NodeProto node, Elements from) throws IOException {
    String axesTensor = GraphIndex.input(node, 3);
    String stepsTensor = GraphIndex.input(node, 4);
    long[] starts = list(GraphIndex.input(node, 1));
    long[] ends = list(GraphIndex.input(node, 2));
    long[] axes = list(axesTensor);
    long[] steps = list(stepsTensor);
    boolean outer =
        axes != null
            && Arrays.stream(axes).allMatch(axis -> axis(node.getInput(0), axis, from) < 0);
    if (outer && !from.dependsOnSource()) {
      return from; // of other tokens, which are alike
    }
    if (starts == null
        || ends == null
        || (axes == null && !axesTensor.isEmpty())
        || (steps == null && !stepsTensor.isEmpty())) {
      return null;
    }
    Elements result = from;
    for (int i = 0; i < starts.length; i++) {
      int axis = axis(node.getInput(0), axes == null ? i : axes[i], from);
      long step = steps == null ? 1 : steps[i];
      boolean whole = starts[i] == 0 && ends[i] >= Integer.MAX_VALUE && step == 1;
      if (!whole && (axis < 0 || step <= 0)) {
        return null;
      }
      if (!whole) {
        int size = result.dims().get(axis);
        long first = Math.clamp(starts[i] < 0 ? starts[i] + size : starts[i], 0, size);
        long end = Math.clamp(ends[i] < 0 ? ends[i] + size : ends[i], first, size);
        result = result.gathered(axis, range(first, end, step));
      }
    }
    return result;
  }

  private static int[] range(long first, long end, long step) {
    return IntStream.iterate(Math.toIntExact(first), i -> i < end, i -> i + Math.toIntExact(step))
        .toArray();
  }

  private @Nullable Elements split(NodeProto node, String tensor, Elements from) {
    int axis = axis(node.getInput(0), GraphIndex.integer(node, "axis", 0), from);
    if (axis < 0) {
      return null;
    }
    long first = 0;
    for (String output : node.getOutputList()) {
      TensorShape part = shapes.shape(output);
      long size = part == null ? TensorShape.UNKNOWN : part.dim(axis - from.rank());
      if (size <= 0 || first + size > from.dims().get(axis)) {
        return null;
      }
      if (output.equals(tensor)) {
        return from.gathered(axis, range(first, first + size, 1));
      }
      first += size;
    }
    return null;
  }

  private @Nullable Elements gathered(NodeProto node, Elements from) throws IOException {
    int axis = axis(node.getInput(0), GraphIndex.integer(node, "axis", 0), from);
    if (axis < 0) {
      positions.add(node.getInput(1));
      return from.dependsOnSource() ? null : from;
    }
    long[] indices = list(node.getInput(1));
    TensorShape shape = shapes.shape(node.getInput(1));
    if (indices == null || shape == null || shape.rank() > 1) {
      return null;
    }
    int size = from.dims().get(axis);
    int[] positive =
        Arrays.stream(indices)
            .mapToInt(index -> Math.toIntExact(index < 0 ? index + size : index))
            .toArray();
    if (Arrays.stream(positive).anyMatch(index -> index < 0 || index >= size)) {
      return null;
    }
    Elements taken = from.gathered(axis, positive);
    if (shape.rank() == 1) {
      return taken;
    }
    List<Integer> dims = new ArrayList<>(taken.dims());
    dims.subList(axis, axis + 1).clear();
    return taken.along(dims);
  }

  private @Nullable Elements expanded(String tensor, Elements from) {
    TensorShape shape = shapes.shape(tensor);
    if (shape == null || shape.rank() < from.rank() || from.dependsOnSource()) {
      return null;
    }
    List<Long> dims = shape.dims().subList(shape.rank() - from.rank(), shape.rank());
    return dims.stream().allMatch(dim -> dim > 0)
        ? from.expanded(dims.stream().map(Math::toIntExact).toList())
        : null;
  }

  private @Nullable Elements tiled(NodeProto node, Elements from) throws IOException {
    long[] repeats = list(GraphIndex.input(node, 1));
    if (repeats == null || repeats.length < from.rank() || from.dependsOnSource()) {
      return null;
    }
    Elements result = from;
    for (int axis = 0; axis < from.rank(); axis++) {
      int size = from.dims().get(axis);
      long times = repeats[repeats.length - from.rank() + axis];
      result =
          result.gathered(
              axis, IntStream.range(0, Math.toIntExact(size * times)).map(i -> i % size).toArray());
    }
    return result;
  }

  /** The numbers of a constant list of indices, or null if it is none. */
  private long @Nullable [] list(String tensor) throws IOException {
    long[] known = shapes.numbers().integers(tensor);
    TensorProto value = known == null ? graph.value(tensor) : null;
    if (value == null || GraphIndex.count(value) > MOST) {
      return known;
    }
    return data.numbers(value)
        .map(numbers -> Arrays.stream(numbers).mapToLong(number -> (long) number).toArray())
        .orElse(null);
  }

  /** The rows of a table by positions. */
  private @Nullable Elements column(NodeProto node) throws IOException {
    TensorProto table = graph.value(graph.source(node.getInput(0), BEFORE_GATHER));
    TensorShape shape = shapes.shape(node.getInput(0));
    if (table == null
        || !Frequencies.isReal(table)
        || shape == null
        || shape.rank() < 2
        || table.getDimsCount() < 2
        || table.getDims(table.getDimsCount() - 1) != shape.last()
        || GraphIndex.count(table) != shape.last() * table.getDims(table.getDimsCount() - 2)
        || !graph.inputs().containsKey(graph.source(node.getInput(1), BEFORE_GATHER))) {
      return null;
    }
    long axis = GraphIndex.integer(node, "axis", 0);
    if (axis - (axis < 0 ? 0 : shape.rank()) != -2) {
      return null;
    }
    positions.add(node.getInput(1));
    int first = columns.size();
    int count = Math.toIntExact(shape.last());
    for (int column = 0; column < count; column++) {
      columns.add(new Column(table, column));
    }
    return Elements.of(List.of(count), i -> Term.wave(Wave.COLUMN, first + i));
  }
}
