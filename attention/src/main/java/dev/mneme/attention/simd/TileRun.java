package dev.mneme.attention.simd;

import static dev.mneme.attention.simd.SimdAttentionKernel.atLeast;
import static dev.mneme.attention.simd.SimdMath.COLUMNS;
import static dev.mneme.attention.simd.SimdMath.ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.KeyRows;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import dev.mneme.memory.concurrent.Pool;
import dev.mneme.memory.concurrent.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention of a tile of several queries, and the memory that it takes.
 *
 * <p>Of the panels of keys, those count that some query sees. Each run of queries is attended for
 * each key/value head, the rows of its query heads stacked, some rows at a time: all scores of a
 * band of rows, their weights, the weighted sum of the values. One tile at a time.
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

  /** Panels that the tile sees: their first columns, how many they have, whether some is hidden. */
  private int[] columns = {};

  private int[] counts = {};
  private boolean[] masked = {};
  private int panelCount;

  /** Floats of a row of scores. */
  private int row;

  private final Pool<Band> bands = new Pool<>();

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
  }

  /** Prepares a tile and returns the number of tasks. */
  int begin(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    far = set.far();
    width = far + set.window();
    int most = Math.ceilDiv(far, COLUMNS) + Math.ceilDiv(set.window(), COLUMNS);
    if (columns.length < most) {
      columns = new int[most];
      counts = new int[most];
      masked = new boolean[most];
    }
    panelCount = 0;
    findPanels(0, far);
    findPanels(far, width);
    row = panelCount * COLUMNS;
    return shape.kvHeads() * tile.parts();
  }

  private void findPanels(int from, int to) {
    for (int first = from; first < to; first += COLUMNS) {
      int count = Math.min(COLUMNS, to - first);
      boolean seen = false;
      boolean hidden = count < COLUMNS;
      for (int column = first; column < first + count; column++) {
        seen |= tile.viewers(column) > 0;
        hidden |= tile.viewers(column) < tile.queries();
      }
      if (seen) {
        columns[panelCount] = first;
        counts[panelCount] = count;
        masked[panelCount++] = hidden;
      }
    }
  }

  /** Attends one run of queries by the query heads of a key/value head. */
  @Override
  public void run(int number) {
    bands.use(Band::new, band -> attend(number / tile.parts(), number % tile.parts(), band));
  }

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
      Arrays.fill(band.output, 0, bandRows * paddedDim, 0);
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
      boolean isFar = columns[i] < far;
      KeyRows keys = isFar ? set.farKeys() : set.windowKeys();
      float[] queries = isFar ? band.farQueries : band.windowQueries;
      long at = keys.at(head, isFar ? columns[i] : columns[i] - far);
      for (int r = from; r < to; r += ROWS) {
        SimdMath.product(
            queries,
            r * dim,
            dim,
            dim,
            keys.memory(),
            at,
            band.scores,
            (r - from) * row + i * COLUMNS,
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
        long mask = (long) query * width + columns[i];
        SimdMath.addMask(band.scores, at, tile.mask(), mask, counts[i]);
        Arrays.fill(band.scores, at + counts[i], at + COLUMNS, Float.NEGATIVE_INFINITY);
      }
    }
    float max = SimdMath.max(band.scores, start, row);
    float share = 1 / SimdMath.exponentiate(band.scores, start, row, max);
    band.shares[bandRow] = share;
    SimdMath.addScaled(band.scores, start, share, band.mass, member * row, row);
  }

  /** Sums the values by their weights, as many side by side as there are. */
  private void sum(int head, int rows, Band band) {
    for (int i = 0; i < panelCount; ) {
      int from = i;
      int count = counts[i];
      for (i++; i < panelCount && columns[i] == columns[i - 1] + COLUMNS; i++) {
        count += counts[i];
      }
      long at = ((long) head * width + columns[from]) * dim;
      for (int r = 0; r < rows; r += ROWS) {
        SimdMath.addProduct(
            band.scores,
            r * row + from * COLUMNS,
            row,
            count,
            set.values(),
            at,
            dim,
            dim,
            band.output,
            r * paddedDim,
            paddedDim);
      }
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
            at + (long) columns[i] * Float.BYTES,
            counts[i]);
      }
    }
  }
}
