package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Element type and sizes of a tensor when the model runs on one sequence of {@code n} tokens.
 *
 * @param type element type
 * @param dims sizes, of which {@link #TOKENS} and {@link #UNKNOWN} are negative
 */
record TensorShape(DataType type, List<Long> dims) {

  /** The size {@code n}. */
  static final long TOKENS = -1;

  /** A size that is not known. */
  static final long UNKNOWN = -2;

  static TensorShape of(DataType type, long... dims) {
    return new TensorShape(type, LongStream.of(dims).boxed().toList());
  }

  int rank() {
    return dims.size();
  }

  /** The size of an axis, which may count from the end. */
  long dim(int axis) {
    return dims.get(axis < 0 ? axis + rank() : axis);
  }

  long last() {
    return dim(-1);
  }

  TensorShape withType(DataType other) {
    return new TensorShape(other, dims);
  }

  TensorShape with(int axis, long size) {
    long[] changed = array();
    changed[axis < 0 ? axis + rank() : axis] = size;
    return of(type, changed);
  }

  long[] array() {
    return dims.stream().mapToLong(Long::longValue).toArray();
  }

  /**
   * Whether this is one row of a known number of elements for each token: {@code [1, n, width]}.
   */
  boolean isRowPerToken() {
    return rank() == 3
        && (dim(0) == 1 || dim(0) == UNKNOWN)
        && (dim(1) == TOKENS || dim(1) == UNKNOWN)
        && dim(2) > 0;
  }

  /** The result of NumPy's broadcasting, with this type. */
  TensorShape broadcast(TensorShape other) {
    long[] sizes = new long[Math.max(rank(), other.rank())];
    Arrays.setAll(
        sizes,
        i -> {
          long a = i < sizes.length - rank() ? 1 : dim(i - sizes.length);
          long b = i < sizes.length - other.rank() ? 1 : other.dim(i - sizes.length);
          if (i == 0 && Math.min(a, b) == UNKNOWN && Math.max(a, b) == 1) {
            return 1; // one sequence
          }
          if (a == 1 || b == 1) {
            return a == 1 ? b : a;
          }
          return Math.max(a, b);
        });
    return of(type, sizes);
  }

  @Override
  public String toString() {
    return type
        + dims.stream()
            .map(dim -> dim == TOKENS ? "n" : dim == UNKNOWN ? "?" : dim.toString())
            .toList()
            .toString();
  }
}
