package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Shapes of a graph's tensors, for one sequence.
 *
 * <p>Computed for the operators that language models are made of. What another operator makes has
 * the shape that the graph declares, if it does; computed shapes come first because exporters
 * declare wrong ones now and then.
 */
final class ShapeInference {

  private final GraphIndex graph;
  private final Map<String, TensorShape> shapes = new HashMap<>();
  private final Map<String, TensorShape> declared;
  private final KnownNumbers numbers;

  /** Infers all shapes. */
  ShapeInference(GraphIndex graph) throws IOException {
    this.graph = graph;
    numbers = new KnownNumbers(graph, this::shape);
    Map<String, Long> symbols = new HashMap<>();
    for (ValueInfoProto input : graph.inputs().values()) {
      if (input.getType().getTensorType().hasShape()) {
        shapes.put(input.getName(), atStart(input, symbols));
      }
    }
    declared =
        graph.declarations().stream()
            .filter(info -> info.getType().getTensorType().hasShape())
            .collect(
                Collectors.toMap(
                    ValueInfoProto::getName,
                    info -> declared(info, symbols),
                    (first, second) -> first));
    for (NodeProto node : graph.nodes()) {
      add(node);
    }
  }

  /**
   * The shape of an input when a sequence begins: one sequence, {@code n} tokens, of which a mask
   * tells and positions number, and a cache of no tokens.
   */
  private static TensorShape atStart(ValueInfoProto input, Map<String, Long> symbols) {
    TensorShape given = declared(input, Map.of());
    long[] dims = given.array();
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] < 0) {
        dims[i] = i == 0 ? 1 : dims.length == 2 ? TensorShape.TOKENS : i == 2 ? 0 : dims[i];
        symbols.putIfAbsent(
            input.getType().getTensorType().getShape().getDim(i).getDimParam(), dims[i]);
      }
    }
    return TensorShape.of(given.type(), dims);
  }

  /** Infers the shapes of what a node makes, which the graph did not have before. */
  void add(NodeProto node) throws IOException {
    List<TensorShape> inferred = checked(node);
    for (int i = 0; i < node.getOutputCount(); i++) {
      String output = node.getOutput(i);
      TensorShape shape = i < inferred.size() ? inferred.get(i) : declared.get(output);
      if (!output.isEmpty() && shape != null) {
        shapes.put(output, shape);
      }
    }
    numbers.infer(node, inferred.isEmpty() ? null : inferred.getFirst());
  }

  /** The sizes and factors that the graph computes. */
  KnownNumbers numbers() {
    return numbers;
  }

  /** The shape of a tensor, or null if nothing is known of it. */
  @Nullable TensorShape shape(String tensor) {
    TensorProto initializer = graph.initializer(tensor);
    return initializer == null ? shapes.get(tensor) : shape(initializer);
  }

  /**
   * A tensor that has to pass between segments, which it does as float32.
   *
   * @return the tensor itself, or what it is called when it has been converted
   * @throws UnsupportedModelException if it is not one row of real numbers for each token
   */
  TensorSpec row(String tensor) {
    TensorShape shape = rowShape(tensor);
    String name =
        switch (shape.type()) {
          case FLOAT -> tensor;
          case FLOAT16, BFLOAT16 -> TensorSpec.converted(tensor);
          default -> throw unfit(tensor, shape, "FLOAT, FLOAT16 or BFLOAT16");
        };
    return new TensorSpec(name, DataType.FLOAT, Math.toIntExact(shape.last()));
  }

  /**
   * Elements of a tensor's row for a token, whatever their type.
   *
   * @throws UnsupportedModelException if it is not one row for each token
   */
  int rowWidth(String tensor) {
    return Math.toIntExact(rowShape(tensor).last());
  }

  private TensorShape rowShape(String tensor) {
    TensorShape shape = shape(tensor);
    if (shape == null) {
      throw unknown(tensor);
    }
    if (!shape.isRowPerToken()) {
      throw unfit(tensor, shape, "one row per token, FLOAT[1, n, width]");
    }
    return shape;
  }

  private UnsupportedModelException unfit(String tensor, TensorShape shape, String supported) {
    return refuse(tensor, "'%s' is %s, supported is %s".formatted(tensor, shape, supported));
  }

  /** Names the first node on the way to a tensor whose operator is not known here. */
  private UnsupportedModelException unknown(String tensor) {
    NodeProto producer = graph.producer(tensor);
    if (producer != null) {
      for (String input : producer.getInputList()) {
        if (!input.isEmpty() && shape(input) == null && graph.producer(input) != null) {
          return unknown(input);
        }
      }
    }
    return refuse(tensor, "the shape of '%s' is neither declared nor known".formatted(tensor));
  }

  private UnsupportedModelException refuse(String tensor, String found) {
    NodeProto producer = graph.producer(tensor);
    return producer == null
        ? new UnsupportedModelException(found)
        : UnsupportedModelException.at(producer, found);
  }

  private static TensorShape shape(TensorProto tensor) {
    return new TensorShape(type(tensor.getDataType()), tensor.getDimsList());
  }

  private static DataType type(int number) {
    DataType type = DataType.forNumber(number);
    return type == null ? DataType.UNDEFINED : type;
  }

  /** What a graph declares; sizes that it names are known where an input has them too. */
  private static TensorShape declared(ValueInfoProto info, Map<String, Long> symbols) {
    var type = info.getType().getTensorType();
    return TensorShape.of(
        type(type.getElemType()),
        type.getShape().getDimList().stream()
            .mapToLong(dim ->
                dim.getValueCase() == Dimension.ValueCase.DIM_VALUE
                    ? dim.getDimValue()
                    : symbols.getOrDefault(dim.getDimParam(), TensorShape.UNKNOWN))
            .toArray());
  }

  private List<TensorShape> checked(NodeProto node) throws IOException {
    try {
      return infer(node);
    } catch (IndexOutOfBoundsException e) {
      throw UnsupportedModelException.at(
          node, "its attributes do not fit the ranks of its inputs (" + e.getMessage() + ")");
    }
  }

  /** The shapes of a node's first outputs; those missing are not known. */
  private List<TensorShape> infer(NodeProto node) throws IOException {
    TensorShape first = operand(node, 0);
    if (node.getOpType().equals("Constant")) {
      return constant(node);
    }
    if (node.getOpType().equals("ConstantOfShape")) {
      return listed(filled(node));
    }
    if (first == null) {
      return switch (node.getOpType()) {
        case "Add", "Mul", "Where" -> listed(broadcast(node, 1));
        default -> List.of();
      };
    }
    return switch (node.getOpType()) {
      case "Abs",
          "Ceil",
          "Clip",
          "Cos",
          "CumSum",
          "Dropout",
          "Elu",
          "Erf",
          "Exp",
          "FastGelu",
          "Floor",
          "Gelu",
          "HardSigmoid",
          "HardSwish",
          "Identity",
          "LayerNormalization",
          "LeakyRelu",
          "Log",
          "LogSoftmax",
          "Neg",
          "QuickGelu",
          "RMSNormalization",
          "Reciprocal",
          "Relu",
          "RotaryEmbedding",
          "Round",
          "ScatterND",
          "Sigmoid",
          "Sign",
          "Silu",
          "SimplifiedLayerNormalization",
          "Sin",
          "Softmax",
          "Softplus",
          "Sqrt",
          "Swish",
          "Tanh",
          "Trilu" ->
          List.of(first);
      // The second and third outputs are statistics, which nothing reads at inference.
      case "SkipLayerNormalization", "SkipSimplifiedLayerNormalization" ->
          List.of(first, first, first, first);
      case "Add", "BiasGelu", "Div", "Max", "Min", "Mod", "Mul", "Pow", "PRelu", "Sub", "Sum" ->
          listed(broadcast(node, 0));
      case "Where" -> listed(broadcast(node, 1));
      case "Equal",
          "Greater",
          "GreaterOrEqual",
          "IsInf",
          "IsNaN",
          "Less",
          "LessOrEqual",
          "And",
          "Or",
          "Not" ->
          listed(broadcast(node, 0).map(shape -> shape.withType(DataType.BOOL)));
      case "Cast" -> List.of(first.withType(type((int) GraphIndex.integer(node, "to", 0))));
      case "QuantizeLinear", "DynamicQuantizeLinear" -> quantized(node, first);
      case "DequantizeLinear" -> listed(ofOther(first, operand(node, 1)));
      case "MatMul" -> listed(product(first, operand(node, 1), -1));
      case "MatMulInteger" ->
          listed(product(first, operand(node, 1), -1).map(shape -> shape.withType(DataType.INT32)));
      case "Gemm" ->
          listed(
              product(
                  first, operand(node, 1), GraphIndex.integer(node, "transB", 0) == 0 ? -1 : -2));
      case "MatMulBnb4", "MatMulNBits" -> List.of(first.with(-1, GraphIndex.integer(node, "N", 0)));
      case "Gather" ->
          listed(gathered(first, operand(node, 1), GraphIndex.integer(node, "axis", 0)));
      case "GatherElements" -> listed(ofOther(operand(node, 1), first));
      case "GatherBlockQuantized" -> listed(embedded(node, first));
      case "Attention" -> node.getDomain().isEmpty() ? List.of(first) : List.of();
      case "Range" -> List.of(TensorShape.of(first.type(), TensorShape.UNKNOWN));
      case "MultiHeadAttention" -> first.rank() == 3 ? List.of(first) : List.of();
      case "GroupQueryAttention" -> List.of(first.with(-1, attended(node, first)));
      case "Concat" -> listed(concatenated(node, first));
      case "Reshape" -> listed(reshaped(first, numbers.of(GraphIndex.input(node, 1))));
      case "Expand" -> listed(expanded(first, numbers.of(GraphIndex.input(node, 1))));
      case "Slice" -> listed(sliced(node, first));
      case "Shape" -> List.of(TensorShape.of(DataType.INT64, first.rank()));
      case "Split" -> split(node, first);
      case "Tile" -> listed(tiled(first, numbers.integers(GraphIndex.input(node, 1))));
      case "Transpose" -> List.of(transposed(node, first));
      case "Unsqueeze", "Squeeze" -> listed(squeezed(node, first));
      case "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2" ->
          listed(reduced(node, first));
      default -> List.of();
    };
  }

  private static List<TensorShape> listed(Optional<TensorShape> shape) {
    return shape.map(List::of).orElse(List.of());
  }

  private @Nullable TensorShape operand(NodeProto node, int index) {
    String name = GraphIndex.input(node, index);
    return name.isEmpty() ? null : shape(name);
  }

  /**
   * The broadcast shape of a node's inputs, with the type of one of them. Masks come from long
   * subgraphs; where one meets rows of tokens or scores of heads, it is they that have the larger
   * shape.
   *
   * @param typed the input whose type the result has
   */
  private Optional<TensorShape> broadcast(NodeProto node, int typed) {
    TensorShape result = null;
    boolean unknown = false;
    for (int i = 0; i < node.getInputCount(); i++) {
      TensorShape other = operand(node, i);
      unknown |= other == null;
      if (other != null) {
        result = result == null ? other : result.broadcast(other);
      }
    }
    TensorShape first = operand(node, typed);
    if (result == null || (unknown && result.rank() < 3)) {
      return Optional.empty();
    }
    return Optional.of(first == null ? result : result.withType(first.type()));
  }

  private List<TensorShape> quantized(NodeProto node, TensorShape first) {
    TensorShape zeroPoint = operand(node, 2);
    return List.of(first.withType(zeroPoint == null ? DataType.UINT8 : zeroPoint.type()));
  }

  /** A shape with the type of another. */
  private static Optional<TensorShape> ofOther(
      @Nullable TensorShape shape, @Nullable TensorShape typed) {
    return shape == null || typed == null
        ? Optional.empty()
        : Optional.of(shape.withType(typed.type()));
  }

  private static Optional<TensorShape> product(
      TensorShape left, @Nullable TensorShape right, int outputAxis) {
    if (right == null || right.rank() < 2 || left.rank() < right.rank()) {
      return Optional.empty();
    }
    return Optional.of(left.with(-1, right.dim(outputAxis)));
  }

  private static Optional<TensorShape> gathered(
      TensorShape data, @Nullable TensorShape indices, long axis) {
    if (indices == null) {
      return Optional.empty();
    }
    int at = (int) (axis < 0 ? axis + data.rank() : axis);
    List<Long> dims = new ArrayList<>(data.dims().subList(0, at));
    dims.addAll(indices.dims());
    dims.addAll(data.dims().subList(at + 1, data.rank()));
    return Optional.of(new TensorShape(data.type(), dims));
  }

  /** Rows of a quantised table: bytes hold several elements of fewer bits. */
  private Optional<TensorShape> embedded(NodeProto node, TensorShape data) {
    long perElement = data.type() == DataType.UINT8 ? 8 / GraphIndex.integer(node, "bits", 4) : 1;
    return ofOther(data, operand(node, 2))
        .flatMap(table ->
            gathered(
                table.with(-1, table.last() * perElement),
                operand(node, 1),
                GraphIndex.integer(node, "gather_axis", 0)));
  }

  /** The width of the attention's output: that of its queries. */
  private static long attended(NodeProto node, TensorShape query) {
    if (!GraphIndex.input(node, 1).isEmpty() || query.last() <= 0) {
      return query.last();
    }
    long heads = GraphIndex.integer(node, "num_heads", 0);
    long all = heads + 2 * GraphIndex.integer(node, "kv_num_heads", 0);
    return all == 0 ? TensorShape.UNKNOWN : query.last() / all * heads;
  }

  private Optional<TensorShape> concatenated(NodeProto node, TensorShape first) {
    int axis = (int) GraphIndex.integer(node, "axis", 0);
    long size = 0;
    for (int i = 0; i < node.getInputCount(); i++) {
      TensorShape part = operand(node, i);
      if (part == null) {
        return Optional.empty();
      }
      long more = part.dim(axis);
      if (size == 0 || more == 0) {
        size += more;
      } else {
        size = size < 0 || more < 0 ? TensorShape.UNKNOWN : size + more;
      }
    }
    return Optional.of(first.with(axis, size));
  }

  private static List<TensorShape> constant(NodeProto node) {
    AttributeProto value = node.getAttribute(0);
    return switch (value.getName()) {
      case "value" -> List.of(shape(value.getT()));
      case "value_int" -> List.of(TensorShape.of(DataType.INT64));
      case "value_ints" -> List.of(TensorShape.of(DataType.INT64, value.getIntsCount()));
      case "value_float" -> List.of(TensorShape.of(DataType.FLOAT));
      case "value_floats" -> List.of(TensorShape.of(DataType.FLOAT, value.getFloatsCount()));
      default -> List.of();
    };
  }

  private Optional<TensorShape> filled(NodeProto node) throws IOException {
    double[] sizes = numbers.of(node.getInput(0));
    AttributeProto value = GraphIndex.attribute(node, "value");
    return sizes == null
        ? Optional.empty()
        : Optional.of(
            TensorShape.of(
                value == null ? DataType.FLOAT : type(value.getT().getDataType()), dims(sizes)));
  }

  private static long[] dims(double[] sizes) {
    return Arrays.stream(sizes).mapToLong(ShapeInference::dim).toArray();
  }

  private static long dim(double size) {
    return size == KnownNumbers.TOKENS
        ? TensorShape.TOKENS
        : Double.isNaN(size) ? TensorShape.UNKNOWN : (long) size;
  }

  private static Optional<TensorShape> expanded(TensorShape data, double @Nullable [] target) {
    return target == null
        ? Optional.empty()
        : Optional.of(data.broadcast(TensorShape.of(data.type(), dims(target))));
  }

  private Optional<TensorShape> sliced(NodeProto node, TensorShape data) throws IOException {
    long[] starts = numbers.integers(GraphIndex.input(node, 1));
    long[] ends = numbers.integers(GraphIndex.input(node, 2));
    long[] axes = numbers.integers(GraphIndex.input(node, 3));
    long[] steps = numbers.integers(GraphIndex.input(node, 4));
    if (starts == null
        || ends == null
        || axes == null
        || (steps == null && !GraphIndex.input(node, 4).isEmpty())) {
      return Optional.empty();
    }
    TensorShape result = data;
    for (int i = 0; i < axes.length; i++) {
      long step = steps == null ? 1 : steps[i];
      if (step <= 0) {
        return Optional.empty();
      }
      result = result.with((int) axes[i], kept(data.dim((int) axes[i]), starts[i], ends[i], step));
    }
    return Optional.of(result);
  }

  /** How much of an axis a slice keeps. */
  private static long kept(long size, long start, long end, long step) {
    if (size < 0) {
      return start == 0 && end >= Integer.MAX_VALUE && step == 1 ? size : TensorShape.UNKNOWN;
    }
    long first = Math.clamp(start < 0 ? start + size : start, 0, size);
    long last = Math.clamp(end < 0 ? end + size : end, first, size);
    return Math.ceilDiv(last - first, step);
  }

  private static Optional<TensorShape> tiled(TensorShape data, long @Nullable [] repeats) {
    if (repeats == null || repeats.length != data.rank()) {
      return Optional.empty();
    }
    TensorShape result = data;
    for (int axis = 0; axis < repeats.length; axis++) {
      if (repeats[axis] != 1) {
        long size = data.dim(axis);
        result = result.with(axis, size < 0 ? TensorShape.UNKNOWN : size * repeats[axis]);
      }
    }
    return Optional.of(result);
  }

  private static Optional<TensorShape> reshaped(TensorShape data, double @Nullable [] target) {
    if (target == null) {
      return Optional.empty();
    }
    long[] dims = dims(target);
    int open = -1;
    for (int i = 0; i < dims.length; i++) {
      if (target[i] == -1) {
        open = i;
        dims[i] = 1;
      } else if (dims[i] == 0) {
        dims[i] = i < data.rank() ? data.dim(i) : TensorShape.UNKNOWN;
      }
    }
    if (open >= 0) {
      dims[open] = remainder(data.array(), dims);
    }
    return Optional.of(TensorShape.of(data.type(), dims));
  }

  /**
   * What is left for one open axis, if both sides name as many tokens or the open one takes them.
   */
  private static long remainder(long[] from, long[] to) {
    long tokens = count(from, TensorShape.TOKENS) - count(to, TensorShape.TOKENS);
    if (count(from, TensorShape.UNKNOWN) + count(to, TensorShape.UNKNOWN) > 0) {
      return TensorShape.UNKNOWN;
    }
    long left = known(from);
    long right = known(to);
    if (right == 0 || left % right != 0) {
      return TensorShape.UNKNOWN;
    }
    long size = left / right;
    if (tokens == 0) {
      return size;
    }
    return tokens == 1 && size == 1 ? TensorShape.TOKENS : TensorShape.UNKNOWN;
  }

  private static long count(long[] dims, long value) {
    return IntStream.range(0, dims.length).filter(i -> dims[i] == value).count();
  }

  private static long known(long[] dims) {
    long product = 1;
    for (long dim : dims) {
      product *= dim < 0 ? 1 : dim;
    }
    return product;
  }

  private List<TensorShape> split(NodeProto node, TensorShape first) throws IOException {
    int axis = (int) GraphIndex.integer(node, "axis", 0);
    AttributeProto attribute = GraphIndex.attribute(node, "split");
    long[] sizes =
        attribute == null
            ? numbers.integers(GraphIndex.input(node, 1))
            : attribute.getIntsList().stream().mapToLong(Long::longValue).toArray();
    List<TensorShape> parts = new ArrayList<>();
    for (int i = 0; i < node.getOutputCount(); i++) {
      long even =
          first.dim(axis) % node.getOutputCount() == 0
              ? first.dim(axis) / node.getOutputCount()
              : TensorShape.UNKNOWN;
      parts.add(first.with(axis, sizes == null ? even : sizes[i]));
    }
    return parts;
  }

  private static TensorShape transposed(NodeProto node, TensorShape first) {
    AttributeProto order = GraphIndex.attribute(node, "perm");
    long[] dims = new long[first.rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = first.dim(order == null ? dims.length - 1 - i : (int) order.getInts(i));
    }
    return TensorShape.of(first.type(), dims);
  }

  private Optional<TensorShape> squeezed(NodeProto node, TensorShape first) throws IOException {
    long[] axes = axes(node);
    if (axes == null) {
      return Optional.empty();
    }
    boolean insert = node.getOpType().equals("Unsqueeze");
    int rank = insert ? first.rank() + axes.length : first.rank();
    List<Long> named =
        IntStream.range(0, axes.length).mapToObj(i -> positive(axes[i], rank)).toList();
    List<Long> dims = new ArrayList<>();
    int next = 0;
    for (long i = 0; i < rank; i++) {
      if (!insert) {
        if (!named.contains(i)) {
          dims.add(first.dim((int) i));
        }
      } else {
        dims.add(named.contains(i) ? 1 : first.dim(next++));
      }
    }
    return Optional.of(new TensorShape(first.type(), dims));
  }

  private Optional<TensorShape> reduced(NodeProto node, TensorShape first) throws IOException {
    long[] axes = axes(node);
    if (axes == null || GraphIndex.integer(node, "keepdims", 1) == 0) {
      return Optional.empty();
    }
    TensorShape result = first;
    for (long axis : axes) {
      result = result.with((int) axis, 1);
    }
    return Optional.of(result);
  }

  /** The axes of a node, an attribute in older operator sets and an input in newer ones. */
  private long @Nullable [] axes(NodeProto node) throws IOException {
    AttributeProto attribute = GraphIndex.attribute(node, "axes");
    return attribute == null
        ? numbers.integers(GraphIndex.input(node, 1))
        : attribute.getIntsList().stream().mapToLong(Long::longValue).toArray();
  }

  private static long positive(long axis, int rank) {
    return axis < 0 ? axis + rank : axis;
  }
}
