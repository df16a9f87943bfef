package dev.mneme.attention.simd;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loops of attention over floats on the heap and off it, with the widest vectors of the
 * machine.
 *
 * <p>Results do not depend on whether a loop is compiled yet: every sum is taken in an order of its
 * own, and multiplication with addition is rounded once.
 */
final class SimdMath {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /** Floats of a vector. */
  private static final int LANES = SPECIES.length();

  /** Rows of a product that are computed together. */
  static final int ROWS = 6;

  /** Rows that are computed together where there are few, as in decoding. */
  static final int FEW = 3;

  /**
   * Places in which a product of few rows reads: it waits for memory, and a processor fetches ahead
   * within a page.
   */
  private static final int PLACES = 4;

  /** Floats of a line of the caches; where lines are longer, some are read twice. */
  private static final int LINE = 16;

  /** Floats of a page. */
  private static final int PAGE = 1024;

  /** Columns of the narrow product: 12 sums fit into the 16 registers of AVX2. */
  static final int NARROW = 2 * LANES;

  /** Columns that are computed together: 24 sums fit into the 32 registers of AVX-512. */
  static final int COLUMNS = LANES >= 16 ? 2 * NARROW : NARROW;

  /** A row that sums may begin with. */
  private static final float[] ZEROS = new float[COLUMNS];

  private static final FloatVector ONE = all(1);
  private static final FloatVector FACTOR_2 = all(1.0 / 2);
  private static final FloatVector FACTOR_3 = all(1.0 / 6);
  private static final FloatVector FACTOR_4 = all(1.0 / 24);
  private static final FloatVector FACTOR_5 = all(1.0 / 120);
  private static final FloatVector FACTOR_6 = all(1.0 / 720);
  private static final FloatVector LOG2_E = all(1 / Math.log(2));

  /** The logarithm of 2 in two parts, the first of few bits: its products with n are exact. */
  private static final double LOG2_HIGH = 355.0 / 512;

  private static final FloatVector MINUS_LOG2_HIGH = all(-LOG2_HIGH);
  private static final FloatVector MINUS_LOG2_LOW = all(LOG2_HIGH - Math.log(2));

  /** What {@link #exp} takes at most: its result is still a normal float, as is 1 / it. */
  private static final float LARGEST = 87;

  private static final FloatVector LEAST = all(-LARGEST);

  /** 1.5 * 2^23: what is added to it is rounded to an integer. */
  private static final FloatVector SHIFT = all(12_582_912);

  private SimdMath() {}

  /** The least length that is not below {@code columns} and that all loops over floats take. */
  static int padded(int columns) {
    return Math.ceilDiv(columns, NARROW) * NARROW;
  }

  /**
   * Brings {@code count} floats into the caches: a loop that does nothing else keeps as many lines
   * on their way as a core can, in an order that it foresees.
   *
   * @return the sum of the bits of some of them, for the caller to keep: what nobody uses is not
   *     read
   */
  static int fetch(MemorySegment from, long at, int count) {
    int sum = 0;
    for (long i = at; i < at + count; i += LINE) {
      sum += from.getAtIndex(JAVA_INT, i);
    }
    return sum;
  }

  /**
   * {@code out[r, c] += sum over k of a[r, k] * b[k, c]} for {@link #ROWS} rows.
   *
   * @param a {@code [ROWS, count]}, {@code aStride} floats a row, from {@code aAt}
   * @param b {@code [count, columns]}, {@code bStride} floats a row, from float {@code bAt}; off
   *     the heap, as all of them are, so that the JVM knows one kind of memory here
   * @param out {@code [ROWS, columns]}, {@code outStride} floats a row, from {@code outAt}
   */
  static void addProduct(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      int bStride,
      int columns,
      float[] out,
      int outAt,
      int outStride) {
    int column = 0;
    if (COLUMNS > NARROW) {
      for (; column + COLUMNS <= columns; column += COLUMNS) {
        int at = outAt + column;
        wide(
            a,
            aAt,
            aStride,
            count,
            b,
            bAt + column,
            bStride,
            out,
            at,
            outStride,
            out,
            at,
            outStride);
      }
    }
    for (; column + NARROW <= columns; column += NARROW) {
      int at = outAt + column;
      narrow(
          a, aAt, aStride, count, b, bAt + column, bStride, out, at, outStride, out, at, outStride);
    }
    rest(ROWS, a, aAt, aStride, count, b, bAt, bStride, column, columns, out, outAt, outStride);
  }

  /**
   * {@code out[r, c] = sum over k of a[r, k] * b[k, c]} for {@link #ROWS} rows and {@link #COLUMNS}
   * columns.
   *
   * @param a as for {@link #addProduct}
   * @param b {@code [count, COLUMNS]}, from float {@code bAt}, off the heap
   * @param out as for {@link #addProduct}; what it holds is not read
   */
  static void product(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      float[] out,
      int outAt,
      int outStride) {
    if (COLUMNS > NARROW) {
      wide(a, aAt, aStride, count, b, bAt, COLUMNS, ZEROS, 0, 0, out, outAt, outStride);
    } else {
      narrow(a, aAt, aStride, count, b, bAt, COLUMNS, ZEROS, 0, 0, out, outAt, outStride);
    }
  }

  /**
   * {@link #addProduct} for {@link #FEW} rows. More columns are computed together instead, so that
   * whole stretches of {@code b} are read from memory.
   */
  static void addProductOfFew(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      int bStride,
      int columns,
      float[] out,
      int outAt,
      int outStride) {
    int whole = columns / NARROW * NARROW;
    for (int column = 0; column < whole; column += 2 * NARROW) {
      int next = Math.min(column + NARROW, whole - NARROW);
      addTwoProducts(
          a,
          aAt,
          aStride,
          count,
          b,
          bAt + column,
          bAt + next,
          bStride,
          out,
          outAt + column,
          outAt + next,
          outStride);
    }
    rest(FEW, a, aAt, aStride, count, b, bAt, bStride, whole, columns, out, outAt, outStride);
  }

  /** The last columns of a product, fewer than {@link #NARROW}. */
  private static void rest(
      int rows,
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      int bStride,
      int from,
      int columns,
      float[] out,
      int outAt,
      int outStride) {
    for (int column = from; column < columns; column += LANES) {
      VectorMask<Float> lanes = SPECIES.indexInRange(column, columns);
      for (int r = 0; r < rows; r++) {
        int at = outAt + r * outStride + column;
        FloatVector sum = FloatVector.fromArray(SPECIES, out, at, lanes);
        for (int k = 0; k < count; k++) {
          long row = bytes(bAt + (long) k * bStride + column);
          FloatVector factor = FloatVector.broadcast(SPECIES, a[aAt + r * aStride + k]);
          FloatVector values =
              FloatVector.fromMemorySegment(SPECIES, b, row, ByteOrder.nativeOrder(), lanes);
          sum = factor.fma(values, sum);
        }
        sum.intoArray(out, at, lanes);
      }
    }
  }

  /**
   * The products of {@link #FEW} rows with two times {@link #NARROW} columns, which need not be
   * neighbours; the two may be the same ones, whose product is then added once. The rows of {@code
   * b} are read in {@link #PLACES} places side by side.
   *
   * @param b0At the first float of the first columns
   * @param b1At that of the second
   * @param out0At where the product with the first goes
   * @param out1At where that with the second goes
   */
  static void addTwoProducts(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long b0At,
      long b1At,
      int bStride,
      float[] out,
      int out0At,
      int out1At,
      int outStride) {
    FloatVector sum00 = load(out, out0At);
    FloatVector sum01 = load(out, out0At + LANES);
    FloatVector sum02 = load(out, out1At);
    FloatVector sum03 = load(out, out1At + LANES);
    FloatVector sum10 = load(out, out0At + outStride);
    FloatVector sum11 = load(out, out0At + outStride + LANES);
    FloatVector sum12 = load(out, out1At + outStride);
    FloatVector sum13 = load(out, out1At + outStride + LANES);
    FloatVector sum20 = load(out, out0At + 2 * outStride);
    FloatVector sum21 = load(out, out0At + 2 * outStride + LANES);
    FloatVector sum22 = load(out, out1At + 2 * outStride);
    FloatVector sum23 = load(out, out1At + 2 * outStride + LANES);
    int step = Math.max(Math.ceilDiv(count, PLACES), PAGE / bStride);
    int first = 0;
    int k = 0;
    for (int i = 0; i < count; i++) {
      FloatVector b0 = load(b, b0At + (long) k * bStride);
      FloatVector b1 = load(b, b0At + (long) k * bStride + LANES);
      FloatVector b2 = load(b, b1At + (long) k * bStride);
      FloatVector b3 = load(b, b1At + (long) k * bStride + LANES);
      FloatVector factor = FloatVector.broadcast(SPECIES, a[aAt + k]);
      sum00 = factor.fma(b0, sum00);
      sum01 = factor.fma(b1, sum01);
      sum02 = factor.fma(b2, sum02);
      sum03 = factor.fma(b3, sum03);
      factor = FloatVector.broadcast(SPECIES, a[aAt + aStride + k]);
      sum10 = factor.fma(b0, sum10);
      sum11 = factor.fma(b1, sum11);
      sum12 = factor.fma(b2, sum12);
      sum13 = factor.fma(b3, sum13);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 2 * aStride + k]);
      sum20 = factor.fma(b0, sum20);
      sum21 = factor.fma(b1, sum21);
      sum22 = factor.fma(b2, sum22);
      sum23 = factor.fma(b3, sum23);
      k += step;
      if (k >= count) {
        k = ++first;
      }
    }
    sum00.intoArray(out, out0At);
    sum01.intoArray(out, out0At + LANES);
    sum02.intoArray(out, out1At);
    sum03.intoArray(out, out1At + LANES);
    sum10.intoArray(out, out0At + outStride);
    sum11.intoArray(out, out0At + outStride + LANES);
    sum12.intoArray(out, out1At + outStride);
    sum13.intoArray(out, out1At + outStride + LANES);
    sum20.intoArray(out, out0At + 2 * outStride);
    sum21.intoArray(out, out0At + 2 * outStride + LANES);
    sum22.intoArray(out, out1At + 2 * outStride);
    sum23.intoArray(out, out1At + 2 * outStride + LANES);
  }

  /**
   * The product for 4 vectors of columns, added to {@code start}, which may be {@code out}. The
   * sums stay in registers, which arrays would not.
   */
  private static void wide(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      int bStride,
      float[] start,
      int startAt,
      int startStride,
      float[] out,
      int outAt,
      int outStride) {
    FloatVector sum00 = load(start, startAt);
    FloatVector sum01 = load(start, startAt + LANES);
    FloatVector sum02 = load(start, startAt + 2 * LANES);
    FloatVector sum03 = load(start, startAt + 3 * LANES);
    FloatVector sum10 = load(start, startAt + startStride);
    FloatVector sum11 = load(start, startAt + startStride + LANES);
    FloatVector sum12 = load(start, startAt + startStride + 2 * LANES);
    FloatVector sum13 = load(start, startAt + startStride + 3 * LANES);
    FloatVector sum20 = load(start, startAt + 2 * startStride);
    FloatVector sum21 = load(start, startAt + 2 * startStride + LANES);
    FloatVector sum22 = load(start, startAt + 2 * startStride + 2 * LANES);
    FloatVector sum23 = load(start, startAt + 2 * startStride + 3 * LANES);
    FloatVector sum30 = load(start, startAt + 3 * startStride);
    FloatVector sum31 = load(start, startAt + 3 * startStride + LANES);
    FloatVector sum32 = load(start, startAt + 3 * startStride + 2 * LANES);
    FloatVector sum33 = load(start, startAt + 3 * startStride + 3 * LANES);
    FloatVector sum40 = load(start, startAt + 4 * startStride);
    FloatVector sum41 = load(start, startAt + 4 * startStride + LANES);
    FloatVector sum42 = load(start, startAt + 4 * startStride + 2 * LANES);
    FloatVector sum43 = load(start, startAt + 4 * startStride + 3 * LANES);
    FloatVector sum50 = load(start, startAt + 5 * startStride);
    FloatVector sum51 = load(start, startAt + 5 * startStride + LANES);
    FloatVector sum52 = load(start, startAt + 5 * startStride + 2 * LANES);
    FloatVector sum53 = load(start, startAt + 5 * startStride + 3 * LANES);
    for (int k = 0; k < count; k++) {
      FloatVector b0 = load(b, bAt + (long) k * bStride);
      FloatVector b1 = load(b, bAt + (long) k * bStride + LANES);
      FloatVector b2 = load(b, bAt + (long) k * bStride + 2L * LANES);
      FloatVector b3 = load(b, bAt + (long) k * bStride + 3L * LANES);
      FloatVector factor = FloatVector.broadcast(SPECIES, a[aAt + k]);
      sum00 = factor.fma(b0, sum00);
      sum01 = factor.fma(b1, sum01);
      sum02 = factor.fma(b2, sum02);
      sum03 = factor.fma(b3, sum03);
      factor = FloatVector.broadcast(SPECIES, a[aAt + aStride + k]);
      sum10 = factor.fma(b0, sum10);
      sum11 = factor.fma(b1, sum11);
      sum12 = factor.fma(b2, sum12);
      sum13 = factor.fma(b3, sum13);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 2 * aStride + k]);
      sum20 = factor.fma(b0, sum20);
      sum21 = factor.fma(b1, sum21);
      sum22 = factor.fma(b2, sum22);
      sum23 = factor.fma(b3, sum23);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 3 * aStride + k]);
      sum30 = factor.fma(b0, sum30);
      sum31 = factor.fma(b1, sum31);
      sum32 = factor.fma(b2, sum32);
      sum33 = factor.fma(b3, sum33);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 4 * aStride + k]);
      sum40 = factor.fma(b0, sum40);
      sum41 = factor.fma(b1, sum41);
      sum42 = factor.fma(b2, sum42);
      sum43 = factor.fma(b3, sum43);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 5 * aStride + k]);
      sum50 = factor.fma(b0, sum50);
      sum51 = factor.fma(b1, sum51);
      sum52 = factor.fma(b2, sum52);
      sum53 = factor.fma(b3, sum53);
    }
    sum00.intoArray(out, outAt);
    sum01.intoArray(out, outAt + LANES);
    sum02.intoArray(out, outAt + 2 * LANES);
    sum03.intoArray(out, outAt + 3 * LANES);
    sum10.intoArray(out, outAt + outStride);
    sum11.intoArray(out, outAt + outStride + LANES);
    sum12.intoArray(out, outAt + outStride + 2 * LANES);
    sum13.intoArray(out, outAt + outStride + 3 * LANES);
    sum20.intoArray(out, outAt + 2 * outStride);
    sum21.intoArray(out, outAt + 2 * outStride + LANES);
    sum22.intoArray(out, outAt + 2 * outStride + 2 * LANES);
    sum23.intoArray(out, outAt + 2 * outStride + 3 * LANES);
    sum30.intoArray(out, outAt + 3 * outStride);
    sum31.intoArray(out, outAt + 3 * outStride + LANES);
    sum32.intoArray(out, outAt + 3 * outStride + 2 * LANES);
    sum33.intoArray(out, outAt + 3 * outStride + 3 * LANES);
    sum40.intoArray(out, outAt + 4 * outStride);
    sum41.intoArray(out, outAt + 4 * outStride + LANES);
    sum42.intoArray(out, outAt + 4 * outStride + 2 * LANES);
    sum43.intoArray(out, outAt + 4 * outStride + 3 * LANES);
    sum50.intoArray(out, outAt + 5 * outStride);
    sum51.intoArray(out, outAt + 5 * outStride + LANES);
    sum52.intoArray(out, outAt + 5 * outStride + 2 * LANES);
    sum53.intoArray(out, outAt + 5 * outStride + 3 * LANES);
  }

  /** The product for 2 vectors of columns. The sums stay in registers, which arrays would not. */
  private static void narrow(
      float[] a,
      int aAt,
      int aStride,
      int count,
      MemorySegment b,
      long bAt,
      int bStride,
      float[] start,
      int startAt,
      int startStride,
      float[] out,
      int outAt,
      int outStride) {
    FloatVector sum00 = load(start, startAt);
    FloatVector sum01 = load(start, startAt + LANES);
    FloatVector sum10 = load(start, startAt + startStride);
    FloatVector sum11 = load(start, startAt + startStride + LANES);
    FloatVector sum20 = load(start, startAt + 2 * startStride);
    FloatVector sum21 = load(start, startAt + 2 * startStride + LANES);
    FloatVector sum30 = load(start, startAt + 3 * startStride);
    FloatVector sum31 = load(start, startAt + 3 * startStride + LANES);
    FloatVector sum40 = load(start, startAt + 4 * startStride);
    FloatVector sum41 = load(start, startAt + 4 * startStride + LANES);
    FloatVector sum50 = load(start, startAt + 5 * startStride);
    FloatVector sum51 = load(start, startAt + 5 * startStride + LANES);
    for (int k = 0; k < count; k++) {
      FloatVector b0 = load(b, bAt + (long) k * bStride);
      FloatVector b1 = load(b, bAt + (long) k * bStride + LANES);
      FloatVector factor = FloatVector.broadcast(SPECIES, a[aAt + k]);
      sum00 = factor.fma(b0, sum00);
      sum01 = factor.fma(b1, sum01);
      factor = FloatVector.broadcast(SPECIES, a[aAt + aStride + k]);
      sum10 = factor.fma(b0, sum10);
      sum11 = factor.fma(b1, sum11);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 2 * aStride + k]);
      sum20 = factor.fma(b0, sum20);
      sum21 = factor.fma(b1, sum21);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 3 * aStride + k]);
      sum30 = factor.fma(b0, sum30);
      sum31 = factor.fma(b1, sum31);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 4 * aStride + k]);
      sum40 = factor.fma(b0, sum40);
      sum41 = factor.fma(b1, sum41);
      factor = FloatVector.broadcast(SPECIES, a[aAt + 5 * aStride + k]);
      sum50 = factor.fma(b0, sum50);
      sum51 = factor.fma(b1, sum51);
    }
    sum00.intoArray(out, outAt);
    sum01.intoArray(out, outAt + LANES);
    sum10.intoArray(out, outAt + outStride);
    sum11.intoArray(out, outAt + outStride + LANES);
    sum20.intoArray(out, outAt + 2 * outStride);
    sum21.intoArray(out, outAt + 2 * outStride + LANES);
    sum30.intoArray(out, outAt + 3 * outStride);
    sum31.intoArray(out, outAt + 3 * outStride + LANES);
    sum40.intoArray(out, outAt + 4 * outStride);
    sum41.intoArray(out, outAt + 4 * outStride + LANES);
    sum50.intoArray(out, outAt + 5 * outStride);
    sum51.intoArray(out, outAt + 5 * outStride + LANES);
  }

  /** Adds {@code count} floats of a mask, from float {@code maskAt}. */
  static void addMask(float[] row, int at, MemorySegment mask, long maskAt, int count) {
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
      load(mask, maskAt + i).add(load(row, at + i)).intoArray(row, at + i);
    }
    for (; i < count; i++) {
      row[at + i] += mask.getAtIndex(JAVA_FLOAT, maskAt + i);
    }
  }

  /** {@code bound * tanh(row / bound)} of {@code count} floats, a {@link #padded} number. */
  static void softcap(float[] row, int at, int count, float bound) {
    for (int i = at; i < at + count; i += LANES) {
      // tanh(x) = 1 - 2 / (exp(2 x) + 1), which is 1 to the last bit long before LARGEST.
      FloatVector e = exp(load(row, i).mul(2 / bound).min(LARGEST)).add(1f);
      FloatVector.broadcast(SPECIES, -2f).div(e).add(1f).mul(bound).intoArray(row, i);
    }
  }

  /** The largest of {@code count} floats, a {@link #padded} number. */
  static float max(float[] row, int at, int count) {
    FloatVector max0 = load(row, at);
    FloatVector max1 = load(row, at + LANES);
    for (int i = at + NARROW; i < at + count; i += NARROW) {
      max0 = larger(max0, load(row, i));
      max1 = larger(max1, load(row, i + LANES));
    }
    return larger(max0, max1).reduceLanes(MAX);
  }

  /** What {@code max} of the Vector API takes longer for, as it tells zeros of two signs apart. */
  private static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, a.lt(b));
  }

  /**
   * Replaces scores by {@code exp(score - max)}.
   *
   * @param count a {@link #padded} number
   * @param max the largest score, or more
   * @return the sum of what was written
   */
  static float exponentiate(float[] row, int at, int count, float max) {
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = FloatVector.zero(SPECIES);
    for (int i = at; i < at + count; i += NARROW) {
      FloatVector weight0 = exp(load(row, i).sub(max));
      FloatVector weight1 = exp(load(row, i + LANES).sub(max));
      weight0.intoArray(row, i);
      weight1.intoArray(row, i + LANES);
      sum0 = sum0.add(weight0);
      sum1 = sum1.add(weight1);
    }
    float sum = 0;
    for (float part : sum0.add(sum1).toArray()) {
      sum += part;
    }
    return sum;
  }

  /** {@code to += factor * from}, for {@code count} floats, a {@link #padded} number. */
  static void addScaled(float[] from, int fromAt, float factor, float[] to, int toAt, int count) {
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int i = 0; i < count; i += LANES) {
      load(from, fromAt + i).fma(factors, load(to, toAt + i)).intoArray(to, toAt + i);
    }
  }

  /** {@code row *= factor}, for {@code count} floats, a {@link #padded} number. */
  static void scale(float[] row, int at, float factor, int count) {
    for (int i = at; i < at + count; i += LANES) {
      load(row, i).mul(factor).intoArray(row, i);
    }
  }

  /**
   * The exponential function of numbers up to {@link #LARGEST}, to two units in the last place;
   * below its negative it stays at some 1e-38.
   *
   * <p>{@code exp(x) = 2^n * exp(r)} with {@code x = n log(2) + r} and {@code r} around 0, where
   * Taylor's series of degree 6 is off by less than 2e-7. {@code n} is taken from the bits of a sum
   * that leaves no room behind the point.
   */
  private static FloatVector exp(FloatVector x) {
    FloatVector bounded = larger(x, LEAST);
    FloatVector shifted = bounded.fma(LOG2_E, SHIFT);
    FloatVector n = shifted.sub(SHIFT);
    FloatVector r = n.fma(MINUS_LOG2_LOW, n.fma(MINUS_LOG2_HIGH, bounded));
    FloatVector series = r.fma(FACTOR_6, FACTOR_5);
    series = series.fma(r, FACTOR_4);
    series = series.fma(r, FACTOR_3);
    series = series.fma(r, FACTOR_2);
    series = series.fma(r, ONE);
    series = series.fma(r, ONE);
    IntVector scale = shifted.reinterpretAsInts().lanewise(LSHL, 23);
    return series.reinterpretAsInts().add(scale).reinterpretAsFloats();
  }

  private static FloatVector all(double value) {
    return FloatVector.broadcast(SPECIES, (float) value);
  }

  private static FloatVector load(float[] from, int at) {
    return FloatVector.fromArray(SPECIES, from, at);
  }

  private static FloatVector load(MemorySegment from, long at) {
    return FloatVector.fromMemorySegment(SPECIES, from, bytes(at), ByteOrder.nativeOrder());
  }

  private static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
