package dev.mneme.integration.graph;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the elements of a head are computed from: each is a sum of terms.
 *
 * <p>The elements lie along the last axes of a tensor; what is along the axes before those, heads
 * and tokens, is alike for all of them. Immutable.
 *
 * @param dims sizes of those last axes, none for a number
 * @param sums the terms of each element, row-major
 */
record Elements(List<Integer> dims, List<List<Term>> sums) {

  /** A term or a wave that has no such part. */
  static final int NONE = -1;

  /** What a term takes of an angle. */
  enum Wave {
    NOTHING,
    /** The angle itself. */
    ANGLE,
    COSINE,
    SINE,
    /** The entry of a column of a table, in the row of the token's position. */
    COLUMN
  }

  /**
   * A product.
   *
   * @param factor its constant part
   * @param element index of an element of the tensor that is rotated, {@link #NONE} for no such
   *     element
   * @param wave what it takes of an angle
   * @param angle index of the angle or the column, {@link #NONE} for none
   */
  record Term(double factor, int element, Wave wave, int angle) {

    static Term constant(double factor) {
      return new Term(factor, NONE, Wave.NOTHING, NONE);
    }

    static Term element(int index) {
      return new Term(1, index, Wave.NOTHING, NONE);
    }

    static Term wave(Wave wave, int angle) {
      return new Term(1, NONE, wave, angle);
    }

    Term scaled(double by) {
      return new Term(by * factor, element, wave, angle);
    }

    /** The product, or null if it would have two elements or two waves. */
    private @Nullable Term times(Term other) {
      boolean ownWave = wave != Wave.NOTHING;
      if ((element != NONE && other.element != NONE) || (ownWave && other.wave != Wave.NOTHING)) {
        return null;
      }
      return new Term(
          factor * other.factor,
          Math.max(element, other.element),
          ownWave ? wave : other.wave,
          Math.max(angle, other.angle));
    }
  }

  /** Elements of one term each. */
  static Elements of(List<Integer> dims, IntFunction<Term> term) {
    return new Elements(
        dims, IntStream.range(0, count(dims)).mapToObj(i -> List.of(term.apply(i))).toList());
  }

  private static int count(List<Integer> dims) {
    return dims.stream().reduce(1, Math::multiplyExact);
  }

  int rank() {
    return dims.size();
  }

  /** Whether any element depends on the tensor that is rotated. */
  boolean dependsOnSource() {
    return sums.stream().flatMap(List::stream).anyMatch(term -> term.element() != NONE);
  }

  /** The same elements along other axes. */
  Elements along(List<Integer> others) {
    return new Elements(others, sums);
  }

  Elements scaled(double by) {
    return new Elements(
        dims,
        sums.stream().map(sum -> sum.stream().map(term -> term.scaled(by)).toList()).toList());
  }

  /** Cosines or sines of angles, or null if these are not plain angles. */
  @Nullable Elements wave(Wave wave) {
    for (List<Term> sum : sums) {
      if (sum.size() != 1 || !sum.getFirst().equals(Term.wave(Wave.ANGLE, angle(sum)))) {
        return null;
      }
    }
    return new Elements(
        dims, sums.stream().map(sum -> List.of(Term.wave(wave, angle(sum)))).toList());
  }

  private static int angle(List<Term> sum) {
    return sum.getFirst().angle();
  }

  /** Elements by index along an axis; an index may occur several times. */
  Elements gathered(int axis, int[] indices) {
    List<Integer> to = new ArrayList<>(dims);
    to.set(axis, indices.length);
    int inner = count(dims.subList(axis + 1, rank()));
    return new Elements(
        to,
        IntStream.range(0, count(to))
            .mapToObj(i -> {
              int outer = i / inner / indices.length;
              int at = indices[i / inner % indices.length];
              return sums.get((outer * dims.get(axis) + at) * inner + i % inner);
            })
            .toList());
  }

  /**
   * Elements with their axes in another order.
   *
   * @param order for each axis of the result, which of these it is
   */
  Elements transposed(List<Integer> order) {
    List<Integer> to = order.stream().map(dims::get).toList();
    return new Elements(
        to,
        IntStream.range(0, count(to))
            .mapToObj(i -> {
              int[] at = new int[rank()];
              int left = i;
              for (int axis = rank() - 1; axis >= 0; axis--) {
                at[order.get(axis)] = left % to.get(axis);
                left /= to.get(axis);
              }
              int from = 0;
              for (int axis = 0; axis < rank(); axis++) {
                from = from * dims.get(axis) + at[axis];
              }
              return sums.get(from);
            })
            .toList());
  }

  /** Elements side by side along an axis, or null if the other axes differ. */
  static @Nullable Elements concatenated(int axis, List<Elements> parts) {
    Elements first = parts.getFirst();
    int outer = count(first.dims.subList(0, axis));
    int size = 0;
    for (Elements part : parts) {
      if (part.rank() != first.rank()
          || !part.dims.subList(0, axis).equals(first.dims.subList(0, axis))
          || !part.dims
              .subList(axis + 1, part.rank())
              .equals(first.dims.subList(axis + 1, first.rank()))) {
        return null;
      }
      size += part.dims.get(axis);
    }
    List<List<Term>> sums = new ArrayList<>();
    for (int i = 0; i < outer; i++) {
      for (Elements part : parts) {
        int run = part.sums.size() / outer;
        sums.addAll(part.sums.subList(i * run, (i + 1) * run));
      }
    }
    List<Integer> dims = new ArrayList<>(first.dims);
    dims.set(axis, size);
    return new Elements(dims, sums);
  }

  /** Elements repeated along axes of size 1 and new ones in front, or null if they do not fit. */
  @Nullable Elements expanded(List<Integer> to) {
    int added = to.size() - rank();
    if (added < 0) {
      return null;
    }
    List<Integer> padded = new ArrayList<>(Collections.nCopies(added, 1));
    padded.addAll(dims);
    Elements result = along(padded);
    for (int axis = 0; axis < to.size(); axis++) {
      int from = padded.get(axis);
      if (from != to.get(axis)) {
        if (from != 1) {
          return null;
        }
        result = result.gathered(axis, new int[to.get(axis)]);
      }
    }
    return result;
  }

  /** Sums, or null if the axes do not fit. */
  @Nullable Elements plus(Elements other) {
    return combined(
        other,
        (sum, others) -> {
          List<Term> all = new ArrayList<>(sum);
          all.addAll(others);
          return all;
        });
  }

  /** Products, or null if the axes do not fit or a product is none of one element and one wave. */
  @Nullable Elements times(Elements other) {
    return combined(
        other,
        (sum, others) -> {
          List<Term> all = new ArrayList<>();
          for (Term left : sum) {
            for (Term right : others) {
              Term product = left.times(right);
              if (product == null) {
                return null;
              }
              all.add(product);
            }
          }
          return all;
        });
  }

  private interface Combination {
    @Nullable List<Term> of(List<Term> left, List<Term> right);
  }

  private @Nullable Elements combined(Elements other, Combination combination) {
    List<Integer> to = broadcast(dims, other.dims);
    Elements left = to == null ? null : expanded(to);
    Elements right = to == null ? null : other.expanded(to);
    if (to == null || left == null || right == null) {
      return null;
    }
    List<List<Term>> results = new ArrayList<>();
    for (int i = 0; i < left.sums.size(); i++) {
      List<Term> result = combination.of(left.sums.get(i), right.sums.get(i));
      if (result == null) {
        return null;
      }
      results.add(List.copyOf(result));
    }
    return new Elements(to, results);
  }

  private static @Nullable List<Integer> broadcast(List<Integer> left, List<Integer> right) {
    int rank = Math.max(left.size(), right.size());
    List<Integer> sizes = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      int a = i < rank - left.size() ? 1 : left.get(i - rank + left.size());
      int b = i < rank - right.size() ? 1 : right.get(i - rank + right.size());
      if (a != b && a != 1 && b != 1) {
        return null;
      }
      sizes.add(Math.max(a, b));
    }
    return sizes;
  }
}
