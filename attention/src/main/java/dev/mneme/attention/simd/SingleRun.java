package dev.mneme.attention.simd;

import static dev.mneme.attention.simd.SimdAttentionKernel.atLeast;
import static dev.mneme.attention.simd.SimdMath.COLUMNS;
import static dev.mneme.attention.simd.SimdMath.ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention of a single query, as in decoding, and the memory that it takes.
 *
 * <p>It is bound by reading keys and values, so they are read once and in their order. For each
 * key/value head, the far columns and those of the window are cut in half. Each quarter has a
 * softmax of its own, and in the end the four are weighed by their sums. One query at a time.
 */
final class SingleRun implements Workers.Task {

  private static final int QUARTERS = 4;

  private final AttentionShape shape;
  private final int dim;
  private final int paddedDim;
  private final Quarter[] quarters;

  /** The output of a head. */
  private final float[] output;

  private WorkingSet set;
  private QueryTile tile;

  SingleRun(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    shape = set.shape();
    dim = shape.headDim();
    paddedDim = SimdMath.padded(dim);
    output = new float[paddedDim];
    quarters = new Quarter[QUARTERS * shape.kvHeads()];
    Arrays.setAll(quarters, number -> new Quarter(number / QUARTERS, number % QUARTERS));
  }

  /** Prepares a query and returns the number of tasks. */
  int begin(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    return quarters.length;
  }

  @Override
  public void run(int number) {
    quarters[number].attend();
  }

  /** Weighs the quarters. */
  void end() {
    for (int head = 0; head < shape.heads(); head++) {
      int member = head % shape.group();
      int first = head / shape.group() * QUARTERS;
      float max = Float.NEGATIVE_INFINITY;
      for (int i = first; i < first + QUARTERS; i++) {
        max = Math.max(max, quarters[i].max[member]);
      }
      float sum = 0;
      for (int i = first; i < first + QUARTERS; i++) {
        Quarter quarter = quarters[i];
        quarter.share[member] = (float) Math.exp(quarter.max[member] - max);
        sum += quarter.share[member] * quarter.sum[member];
      }
      Arrays.fill(output, 0);
      for (int i = first; i < first + QUARTERS; i++) {
        Quarter quarter = quarters[i];
        quarter.share[member] /= sum;
        SimdMath.addScaled(
            quarter.output, member * paddedDim, quarter.share[member], output, 0, paddedDim);
        quarter.writeMass(head, member);
      }
      MemorySegment.copy(output, 0, tile.output(), JAVA_FLOAT, head * shape.vectorBytes(), dim);
    }
  }

  /** A quarter of the columns of a key/value head. */
  private final class Quarter {

    private final int head;
    private final boolean far;
    private final boolean latter;
    private final float[] max = new float[shape.group()];
    private final float[] sum = new float[shape.group()];
    private final float[] share = new float[shape.group()];
    private final int paddedGroup = Math.ceilDiv(shape.group(), ROWS) * ROWS;
    private final float[] queries = new float[paddedGroup * dim];
    private final float[] output = new float[paddedGroup * paddedDim];
    private float[] rows = {};
    private MemorySegment panel = MemorySegment.NULL;
    private MemorySegment padded = MemorySegment.NULL;
    private float[] weights = {};

    /** First column of the quarter, and their number, which is padded in the rows and weights. */
    private int column;

    private int count;
    private int paddedCount;

    Quarter(int head, int number) {
      this.head = head;
      far = number < 2;
      latter = number % 2 == 1;
    }

    void attend() {
      int all = far ? set.far() : set.window();
      int half = all / 2;
      int from = latter ? half : 0;
      count = latter ? all - half : half;
      paddedCount = Math.ceilDiv(count, COLUMNS) * COLUMNS;
      column = from + (far ? 0 : set.far());
      Arrays.fill(max, Float.NEGATIVE_INFINITY);
      Arrays.fill(sum, 0);
      if (count == 0) {
        Arrays.fill(output, 0);
        return;
      }
      rows = atLeast(paddedCount * dim, rows);
      panel = atLeast((long) COLUMNS * dim, panel);
      weights = atLeast(paddedGroup * paddedCount, weights);
      score(head * all + from);
      for (int member = 0; member < shape.group(); member++) {
        weigh(member, member * paddedCount);
      }
      long first = head * (set.far() + (long) set.window()) + column;
      if (dim == paddedDim) {
        multiply(weights, paddedCount, count, set.values(), first * dim, dim, output, 0, dim);
      } else {
        pad(first);
        multiply(weights, paddedCount, count, padded, 0, paddedDim, output, 0, paddedDim);
      }
    }

    private void score(int firstKey) {
      MemorySegment keys = far ? set.farKeys() : set.windowKeys();
      MemorySegment.copy(keys, JAVA_FLOAT, firstKey * shape.vectorBytes(), rows, 0, count * dim);
      Arrays.fill(rows, count * dim, paddedCount * dim, 0);
      long first = tile.row(head * shape.group(), 0) * shape.vectorBytes();
      MemorySegment from = far ? tile.farQueries() : tile.windowQueries();
      MemorySegment.copy(from, JAVA_FLOAT, first, queries, 0, shape.group() * dim);
      for (int c = 0; c < paddedCount; c += COLUMNS) {
        SimdMath.transpose(rows, c * dim, COLUMNS, dim, panel, 0);
        multiply(queries, dim, dim, panel, 0, COLUMNS, weights, c, paddedCount);
      }
    }

    /** The product of the rows of all members, padded. */
    private void multiply(
        float[] a,
        int aStride,
        int inner,
        MemorySegment b,
        long bAt,
        int columns,
        float[] out,
        int outAt,
        int outStride) {
      for (int member = 0; member < paddedGroup; member += ROWS) {
        SimdMath.multiply(
            a,
            member * aStride,
            aStride,
            inner,
            b,
            bAt,
            columns,
            columns,
            out,
            member * outStride + outAt,
            outStride);
      }
    }

    /** Copies the quarter's values to rows of padded length. */
    private void pad(long firstValue) {
      padded = atLeast((long) count * paddedDim, padded);
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            set.values(),
            (firstValue + i) * shape.vectorBytes(),
            padded,
            (long) i * paddedDim * Float.BYTES,
            shape.vectorBytes());
      }
    }

    private void weigh(int member, int at) {
      if (shape.softcap() != 0) {
        SimdMath.softcap(weights, at, paddedCount, shape.softcap());
      }
      SimdMath.addMask(weights, at, tile.mask(), column, count);
      Arrays.fill(weights, at + count, at + paddedCount, Float.NEGATIVE_INFINITY);
      max[member] = SimdMath.max(weights, at, paddedCount);
      if (max[member] > Float.NEGATIVE_INFINITY) {
        sum[member] = SimdMath.exponentiate(weights, at, paddedCount, max[member]);
      } else {
        Arrays.fill(weights, at, at + paddedCount, 0);
      }
    }

    void writeMass(int head, int member) {
      if (count > 0) {
        int at = member * paddedCount;
        SimdMath.scale(weights, at, share[member], paddedCount);
        long row = (long) tile.massRow(head, 0) * (set.far() + set.window());
        MemorySegment.copy(
            weights, at, tile.mass(), JAVA_FLOAT, (row + column) * Float.BYTES, count);
      }
    }
  }
}
