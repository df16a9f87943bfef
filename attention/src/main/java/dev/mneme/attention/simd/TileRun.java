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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Attention of a tile of several queries, and the memory that it takes.
 *
 * <p>The columns that some query sees are packed into panels of {@link SimdMath#COLUMNS}, keys
 * channel by channel. Then each run of queries is attended for each key/value head, the rows of its
 * query heads stacked, some rows at a time: all scores of a band of rows, their weights, the
 * weighted sum of the values. One tile at a time.
 */
final class TileRun implements Workers.Task {

  /** Rows whose scores are computed and used before those of the next. */
  private static final int BAND = 8 * ROWS;

  private final AttentionShape shape;
  private final int dim;
  private final int paddedDim;

  private WorkingSet set;
  private QueryTile tile;
  private int far;
  private int width;
  private int farPanels;

  /** Panels that the tile sees, and which of them need the mask. */
  private int[] panels = {};

  private boolean[] masked = {};
  private int panelCount;

  /** Floats of a row of scores. */
  private int row;

  private final MemorySegment[] keys;
  private final MemorySegment[] values;

  /** Halves of each head that are packed. */
  private final AtomicIntegerArray packed;

  private final Queue<Band> bands = new ConcurrentLinkedQueue<>();

  /** Memory of one thread. */
  private static final class Band {
    float[] farQueries = {};
    float[] windowQueries = {};
    float[] scores = {};
    float[] output = {};
    float[] mass = {};
    final float[] shares = new float[BAND];
  }

  TileRun(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    shape = set.shape();
    dim = shape.headDim();
    paddedDim = SimdMath.padded(dim);
    keys = new MemorySegment[shape.kvHeads()];
    values = new MemorySegment[shape.kvHeads()];
    Arrays.fill(keys, MemorySegment.NULL);
    Arrays.fill(values, MemorySegment.NULL);
    packed = new AtomicIntegerArray(shape.kvHeads());
  }

  /** Prepares a tile and returns the number of tasks. */
  int begin(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    far = set.far();
    width = far + set.window();
    farPanels = Math.ceilDiv(far, COLUMNS);
    findPanels();
    for (int head = 0; head < shape.kvHeads(); head++) {
      keys[head] = atLeast((long) row * dim, keys[head]);
      values[head] = atLeast((long) row * paddedDim, values[head]);
      packed.set(head, 0);
    }
    return shape.kvHeads() * (2 + tile.parts());
  }

  @Override
  public void run(int number) {
    int packing = 2 * shape.kvHeads();
    Band kept = bands.poll();
    Band band = kept == null ? new Band() : kept;
    if (number < packing) {
      try {
        pack(number / 2, number % 2, band);
      } finally {
        packed.getAndIncrement(number / 2); // also if it failed: others wait for it
      }
    } else {
      int head = (number - packing) / tile.parts();
      while (packed.get(head) < 2) {
        Workers.giveWay();
      }
      attend(head, (number - packing) % tile.parts(), band);
    }
    bands.add(band);
  }

  private void findPanels() {
    int all = farPanels + Math.ceilDiv(set.window(), COLUMNS);
    if (panels.length < all) {
      panels = new int[all];
      masked = new boolean[all];
    }
    panelCount = 0;
    for (int panel = 0; panel < all; panel++) {
      int first = firstColumn(panel);
      int count = columns(panel);
      boolean seen = false;
      boolean hidden = count < COLUMNS;
      for (int column = first; column < first + count; column++) {
        seen |= tile.viewers(column) > 0;
        hidden |= tile.viewers(column) < tile.queries();
      }
      if (seen) {
        panels[panelCount] = panel;
        masked[panelCount++] = hidden;
      }
    }
    row = panelCount * COLUMNS;
  }

  private boolean isFar(int panel) {
    return panel < farPanels;
  }

  private int firstColumn(int panel) {
    return isFar(panel) ? panel * COLUMNS : far + (panel - farPanels) * COLUMNS;
  }

  private int columns(int panel) {
    return Math.min(COLUMNS, (isFar(panel) ? far : width) - firstColumn(panel));
  }

  /** Packs half of the panels of a key/value head. */
  private void pack(int head, int half, Band band) {
    band.output = atLeast(COLUMNS * dim, band.output);
    for (int i = half * panelCount / 2; i < (half + 1) * panelCount / 2; i++) {
      int panel = panels[i];
      int first = firstColumn(panel);
      int count = columns(panel);
      int at = i * COLUMNS;
      if (count < COLUMNS) {
        Arrays.fill(band.output, 0, COLUMNS * dim, 0);
        long valueBytes = (long) COLUMNS * paddedDim * Float.BYTES;
        values[head].asSlice(at * (long) paddedDim * Float.BYTES, valueBytes).fill((byte) 0);
      }
      MemorySegment from = isFar(panel) ? set.farKeys() : set.windowKeys();
      int firstRow = isFar(panel) ? head * far + first : head * set.window() + first - far;
      MemorySegment.copy(
          from, JAVA_FLOAT, firstRow * shape.vectorBytes(), band.output, 0, count * dim);
      SimdMath.transpose(band.output, 0, COLUMNS, dim, keys[head], (long) at * dim);
      copyValues(head * width + first, count, values[head], at * paddedDim);
    }
  }

  private void copyValues(int row, int count, MemorySegment to, int at) {
    int rowsAtOnce = dim == paddedDim ? count : 1;
    for (int i = 0; i < count; i += rowsAtOnce) {
      MemorySegment.copy(
          set.values(),
          (row + i) * shape.vectorBytes(),
          to,
          (at + (long) i * paddedDim) * Float.BYTES,
          rowsAtOnce * shape.vectorBytes());
    }
  }

  /** Attends one run of queries by the query heads of a key/value head. */
  private void attend(int head, int part, Band band) {
    int group = shape.group();
    int queries = tile.queries() / tile.parts();
    int rows = group * queries;
    int paddedRows = Math.ceilDiv(rows, ROWS) * ROWS;
    int bandRows = Math.min(BAND, paddedRows);
    long first = (long) tile.row(head * group, part * queries) * shape.vectorBytes();
    band.farQueries = atLeast(paddedRows * dim, band.farQueries);
    band.windowQueries = atLeast(paddedRows * dim, band.windowQueries);
    band.scores = atLeast(bandRows * row, band.scores);
    band.output = atLeast(bandRows * paddedDim, band.output);
    band.mass = atLeast(group * row, band.mass);
    MemorySegment.copy(tile.farQueries(), JAVA_FLOAT, first, band.farQueries, 0, rows * dim);
    MemorySegment.copy(tile.windowQueries(), JAVA_FLOAT, first, band.windowQueries, 0, rows * dim);
    Arrays.fill(band.mass, 0, group * row, 0);
    for (int from = 0; from < rows; from += BAND) {
      int to = Math.min(from + BAND, rows);
      score(head, from, to, band);
      for (int r = from; r < to; r++) {
        weigh(part * queries + r % queries, r - from, r / queries, band);
      }
      sum(head, to - from, band);
      for (int r = from; r < to; r++) {
        MemorySegment.copy(
            band.output,
            (r - from) * paddedDim,
            tile.output(),
            JAVA_FLOAT,
            first + r * shape.vectorBytes(),
            dim);
      }
    }
    writeMass(head, part, band);
  }

  /** Inner products of rows {@code from} to {@code to} with all keys. */
  private void score(int head, int from, int to, Band band) {
    for (int i = 0; i < panelCount; i++) {
      int at = i * COLUMNS;
      float[] queries = isFar(panels[i]) ? band.farQueries : band.windowQueries;
      for (int r = from; r < to; r += ROWS) {
        SimdMath.multiply(
            queries,
            r * dim,
            dim,
            dim,
            keys[head],
            (long) at * dim,
            COLUMNS,
            COLUMNS,
            band.scores,
            (r - from) * row + at,
            row);
      }
    }
  }

  /** Turns a row of scores into weights that are not divided by their sum yet. */
  private void weigh(int query, int bandRow, int member, Band band) {
    int start = bandRow * row;
    if (shape.softcap() != 0) {
      SimdMath.softcap(band.scores, start, row, shape.softcap());
    }
    for (int i = 0; i < panelCount; i++) {
      if (masked[i]) {
        int at = start + i * COLUMNS;
        int count = columns(panels[i]);
        long mask = (long) query * width + firstColumn(panels[i]);
        SimdMath.addMask(band.scores, at, tile.mask(), mask, count);
        Arrays.fill(band.scores, at + count, at + COLUMNS, Float.NEGATIVE_INFINITY);
      }
    }
    float max = SimdMath.max(band.scores, start, row);
    float share = 1 / SimdMath.exponentiate(band.scores, start, row, max);
    band.shares[bandRow] = share;
    SimdMath.addScaled(band.scores, start, share, band.mass, member * row, row);
  }

  /** Sums the values by their weights. */
  private void sum(int head, int rows, Band band) {
    for (int r = 0; r < rows; r += ROWS) {
      SimdMath.multiply(
          band.scores,
          r * row,
          row,
          row,
          values[head],
          0,
          paddedDim,
          paddedDim,
          band.output,
          r * paddedDim,
          paddedDim);
    }
    for (int r = 0; r < rows; r++) {
      SimdMath.scale(band.output, r * paddedDim, band.shares[r], paddedDim);
    }
  }

  private void writeMass(int head, int part, Band band) {
    for (int member = 0; member < shape.group(); member++) {
      long at = (long) tile.massRow(head * shape.group() + member, part) * width * Float.BYTES;
      tile.mass().asSlice(at, (long) width * Float.BYTES).fill((byte) 0);
      for (int i = 0; i < panelCount; i++) {
        MemorySegment.copy(
            band.mass,
            member * row + i * COLUMNS,
            tile.mass(),
            JAVA_FLOAT,
            at + (long) firstColumn(panels[i]) * Float.BYTES,
            columns(panels[i]));
      }
    }
  }
}
