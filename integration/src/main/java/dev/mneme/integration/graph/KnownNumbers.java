package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The small numbers that a graph computes: sizes, indices and factors, for one sequence of {@code
 * n} tokens. Exporters compute the target of a reshape, or the scale of attention, from the sizes
 * of tensors.
 */
final class KnownNumbers {

  /** The number {@code n}. */
  static final double TOKENS = Double.POSITIVE_INFINITY;

  /** A number that is not known. */
  static final double UNKNOWN = Double.NaN;

  /** Longest list of numbers that is followed. */
  private static final int MOST = 64;

  private final GraphIndex graph;
  private final Function<String, @Nullable TensorShape> shapes;
  private final Map<String, double[]> computed = new HashMap<>();

  /** Takes where the shapes of tensors are found. */
  KnownNumbers(GraphIndex graph, Function<String, @Nullable TensorShape> shapes) {
    this.graph = graph;
    this.shapes = shapes;
  }

  /**
   * A tensor's numbers, some of them {@link #TOKENS} or {@link #UNKNOWN}; null if none is known.
   */
  double @Nullable [] of(String tensor) throws IOException {
    double[] known = computed.get(tensor);
    return known == null && !tensor.isEmpty() ? graph.numbers(tensor) : known;
  }

  /** A tensor's numbers if all of them are known and none is {@code n}, else null. */
  long @Nullable [] integers(String tensor) throws IOException {
    double[] known = of(tensor);
    return known != null && Arrays.stream(known).allMatch(Double::isFinite)
        ? Arrays.stream(known).mapToLong(number -> (long) number).toArray()
        : null;
  }

  /** The only number of a tensor, {@link #UNKNOWN} if there is none. */
  double scalar(String tensor) throws IOException {
    double[] known = of(tensor);
    return known != null && known.length == 1 && Double.isFinite(known[0]) ? known[0] : UNKNOWN;
  }

  /**
   * Computes what a node makes, if that is known.
   *
   * @param result the shape of its first output, null if not known
   */
  void infer(NodeProto node, @Nullable TensorShape result) throws IOException {
    double[] numbers = numbers(node, result);
    if (numbers != null && numbers.length <= MOST) {
      computed.put(node.getOutput(0), numbers);
    }
  }

  private double @Nullable [] numbers(NodeProto node, @Nullable TensorShape result)
      throws IOException {
    return switch (node.getOpType()) {
      case "Shape" -> sizes(node);
      case "Cast" -> cast(operand(node, 0), result);
      case "Identity", "Reshape", "Squeeze", "Unsqueeze" -> operand(node, 0);
      case "Concat" -> concatenated(node);
      case "Gather" -> gathered(node);
      case "Slice" -> sliced(node);
      case "Add" -> paired(node, result, KnownNumbers::sum);
      case "Sub" -> paired(node, result, (a, b) -> b == 0 ? a : finite(a - b));
      case "Mul" -> paired(node, result, KnownNumbers::product);
      case "Div" -> paired(node, result, quotient(result));
      case "Pow" -> paired(node, result, (a, b) -> finite(Math.pow(a, b)));
      case "Equal" -> paired(node, result, KnownNumbers::equal);
      case "Where" -> chosen(node, result);
      case "Sqrt" -> each(operand(node, 0), Math::sqrt);
      case "Reciprocal" -> each(operand(node, 0), number -> 1 / number);
      case "Neg" -> each(operand(node, 0), number -> -number);
      case "ConstantOfShape" -> filled(node);
      default -> null;
    };
  }

  private double @Nullable [] operand(NodeProto node, int index) throws IOException {
    return of(GraphIndex.input(node, index));
  }

  private double @Nullable [] sizes(NodeProto node) {
    TensorShape shape = shapes.apply(node.getInput(0));
    if (shape == null) {
      return null;
    }
    int rank = shape.rank();
    int start = axis(GraphIndex.integer(node, "start", 0), rank);
    int end = axis(GraphIndex.integer(node, "end", rank), rank);
    return shape.dims().subList(start, Math.max(start, end)).stream()
        .mapToDouble(dim -> dim == TensorShape.TOKENS ? TOKENS : dim < 0 ? UNKNOWN : dim)
        .toArray();
  }

  private static int axis(long given, int rank) {
    return Math.clamp(given < 0 ? given + rank : given, 0, rank);
  }

  private static double @Nullable [] cast(double @Nullable [] numbers, @Nullable TensorShape to) {
    boolean whole = to != null && (to.type() == DataType.INT64 || to.type() == DataType.INT32);
    return whole && numbers != null
        ? each(numbers, number -> number < 0 ? Math.ceil(number) : Math.floor(number))
        : numbers;
  }

  private double @Nullable [] concatenated(NodeProto node) throws IOException {
    double[] all = {};
    for (int i = 0; i < node.getInputCount(); i++) {
      double[] part = operand(node, i);
      if (part == null) {
        TensorShape shape = shapes.apply(node.getInput(i));
        if (shape == null || shape.rank() != 1 || shape.last() < 0 || shape.last() > MOST) {
          return null;
        }
        part = new double[(int) shape.last()];
        Arrays.fill(part, UNKNOWN);
      }
      int at = all.length;
      all = Arrays.copyOf(all, at + part.length);
      System.arraycopy(part, 0, all, at, part.length);
    }
    return all;
  }

  private double @Nullable [] gathered(NodeProto node) throws IOException {
    double[] from = operand(node, 0);
    double[] indices = operand(node, 1);
    TensorShape shape = shapes.apply(node.getInput(0));
    if (from == null || indices == null || shape == null || shape.rank() != 1) {
      return null;
    }
    double[] numbers = new double[indices.length];
    for (int i = 0; i < numbers.length; i++) {
      double at = indices[i] < 0 ? indices[i] + from.length : indices[i];
      numbers[i] = at >= 0 && at < from.length ? from[(int) at] : UNKNOWN;
    }
    return numbers;
  }

  private double @Nullable [] sliced(NodeProto node) throws IOException {
    double[] from = operand(node, 0);
    TensorShape shape = shapes.apply(node.getInput(0));
    double start = scalar(GraphIndex.input(node, 1));
    double end = scalar(GraphIndex.input(node, 2));
    double step = node.getInputCount() > 4 ? scalar(node.getInput(4)) : 1;
    if (from == null
        || shape == null
        || shape.rank() != 1
        || step != 1
        || Double.isNaN(start)
        || Double.isNaN(end)) {
      return null;
    }
    int first = (int) Math.clamp(start < 0 ? start + from.length : start, 0, from.length);
    int last = (int) Math.clamp(end < 0 ? end + from.length : end, first, from.length);
    return Arrays.copyOfRange(from, first, last);
  }

  private double @Nullable [] paired(
      NodeProto node, @Nullable TensorShape result, DoubleBinaryOperator operator)
      throws IOException {
    double[] left = operand(node, 0);
    double[] right = operand(node, 1);
    if (left == null || right == null || result == null || result.rank() > 1) {
      return null;
    }
    double[] numbers = new double[Math.max(left.length, right.length)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = operator.applyAsDouble(at(left, i), at(right, i));
    }
    return numbers;
  }

  private double @Nullable [] chosen(NodeProto node, @Nullable TensorShape result)
      throws IOException {
    double[] condition = operand(node, 0);
    double[] left = operand(node, 1);
    double[] right = operand(node, 2);
    if (condition == null || left == null || right == null || result == null || result.rank() > 1) {
      return null;
    }
    double[] numbers = new double[Math.max(condition.length, Math.max(left.length, right.length))];
    for (int i = 0; i < numbers.length; i++) {
      double choice = at(condition, i);
      numbers[i] = Double.isNaN(choice) ? UNKNOWN : at(choice != 0 ? left : right, i);
    }
    return numbers;
  }

  private double @Nullable [] filled(NodeProto node) throws IOException {
    long[] sizes = integers(node.getInput(0));
    if (sizes == null || sizes.length > 1 || (sizes.length == 1 && sizes[0] > MOST)) {
      return null;
    }
    var value = GraphIndex.attribute(node, "value");
    double[] numbers = new double[sizes.length == 0 ? 1 : (int) sizes[0]];
    Arrays.fill(numbers, value == null ? 0 : graph.number(value.getT()));
    return numbers;
  }

  private static double at(double[] numbers, int index) {
    return numbers[numbers.length == 1 ? 0 : index];
  }

  private static double @Nullable [] each(
      double @Nullable [] numbers, DoubleUnaryOperator operator) {
    return numbers == null
        ? null
        : Arrays.stream(numbers)
            .map(number -> number == TOKENS ? TOKENS : operator.applyAsDouble(number))
            .toArray();
  }

  private static double sum(double a, double b) {
    return a == 0 ? b : b == 0 ? a : finite(a + b);
  }

  private static double product(double a, double b) {
    return a == 1 ? b : b == 1 ? a : finite(a * b);
  }

  private static DoubleBinaryOperator quotient(@Nullable TensorShape result) {
    boolean whole = result != null && result.type() == DataType.INT64;
    return (a, b) -> b == 1 ? a : finite(whole ? Math.floor(a / b) : a / b);
  }

  private static double equal(double a, double b) {
    if (Double.isNaN(a) || Double.isNaN(b)) {
      return UNKNOWN;
    }
    return a == b ? 1 : 0;
  }

  /** What is computed from {@code n} is not followed any further. */
  private static double finite(double number) {
    return Double.isFinite(number) ? number : UNKNOWN;
  }
}
