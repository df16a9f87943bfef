package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A few consecutive queries of one layer on their way through the attention kernel, off-heap.
 *
 * <p>The queries are cut into {@code P = parts()} runs of {@code m = n / P}, which threads can
 * attend side by side without sharing what they write. All tensors are float32 and row-major;
 * {@code n} queries, {@code G = group()}, {@code D = headDim}, {@code width = far + window}:
 *
 * <ul>
 *   <li>{@link #windowQueries()} and {@link #farQueries()} {@code [kvHeads, P, G, m, D]}: the
 *       scaled queries, rotated for the window's keys and for the far keys; {@link #row} finds a
 *       query;
 *   <li>{@link #mask()} {@code [n, width]}: added to the inner products of each head, 0 or negative
 *       infinity;
 *   <li>{@link #output()} {@code [kvHeads, P, G, m, D]}: written by the kernel, rows as above;
 *   <li>{@link #mass()} {@code [kvHeads, P, G, width]}: written by the kernel: the softmax weight
 *       of each column summed over a run's queries.
 * </ul>
 *
 * <p>Tiles are views of memory that a session keeps, so a tile's output is valid until the next
 * tile is attended. Not thread-safe.
 */
public final class QueryTile {

  private final int queries;
  private final int parts;
  private final int group;
  private final MemorySegment windowQueries;
  private final MemorySegment farQueries;
  private final MemorySegment mask;
  private final MemorySegment output;
  private final MemorySegment mass;
  private final int[] viewers;

  private QueryTile(int queries, AttentionShape shape, int width, Scratch scratch, int mask) {
    this.queries = queries;
    parts = parts(queries);
    group = shape.group();
    long bytes = (long) queries * shape.heads() * shape.vectorBytes();
    windowQueries = scratch.windowQueries.asSlice(0, bytes);
    farQueries = scratch.farQueries.asSlice(0, bytes);
    output = scratch.output.asSlice(0, bytes);
    mass = scratch.mass.asSlice(0, (long) parts * shape.heads() * width * Float.BYTES);
    this.mask = scratch.masks.get(mask).asSlice(0, maskBytes(queries, width));
    viewers = new int[width];
  }

  /** Number of runs into which so many queries are cut. */
  static int parts(int queries) {
    return queries % 2 == 0 ? 2 : 1;
  }

  private static long maskBytes(int queries, int width) {
    return (long) queries * width * Float.BYTES;
  }

  /** Number of queries. */
  public int queries() {
    return queries;
  }

  /** Number of runs into which the queries are cut; it divides their number. */
  public int parts() {
    return parts;
  }

  /**
   * Row of a query in the queries and the output.
   *
   * @param head query head
   * @param query from 0 inclusive to {@link #queries()} exclusive
   */
  public int row(int head, int query) {
    int run = queries / parts;
    return massRow(head, query / run) * run + query % run;
  }

  /**
   * Row of a run of queries in the mass.
   *
   * @param head query head
   * @param part from 0 inclusive to {@link #parts()} exclusive
   */
  public int massRow(int head, int part) {
    return (head / group * parts + part) * group + head % group;
  }

  /** Queries for the window's keys. */
  public MemorySegment windowQueries() {
    return windowQueries;
  }

  /** Queries for the far keys. */
  public MemorySegment farQueries() {
    return farQueries;
  }

  /** The additive mask. */
  public MemorySegment mask() {
    return mask;
  }

  /**
   * How many queries see a column.
   *
   * @param column from 0 inclusive to {@code width} exclusive
   */
  public int viewers(int column) {
    return viewers[column];
  }

  /** Fills in the mask; {@code row} holds that of one query, and query 0 comes first. */
  void mask(int query, float[] row) {
    if (query == 0) {
      Arrays.fill(viewers, 0);
    }
    for (int column = 0; column < row.length; column++) {
      viewers[column] += row[column] == 0 ? 1 : 0;
    }
    MemorySegment.copy(
        row, 0, mask, JAVA_FLOAT, (long) query * row.length * Float.BYTES, row.length);
  }

  /** Hides a column from a single query, or shows it again. */
  void show(int column, boolean visible) {
    viewers[column] = visible ? 1 : 0;
    mask.setAtIndex(JAVA_FLOAT, column, visible ? 0 : Float.NEGATIVE_INFINITY);
  }

  /** The attention's output. */
  public MemorySegment output() {
    return output;
  }

  /** The columns' softmax weights. */
  public MemorySegment mass() {
    return mass;
  }

  /** The memory that all tiles of one session share. */
  static final class Scratch implements AutoCloseable {

    private final AttentionShape shape;
    private final int queries;
    private final int width;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment windowQueries;
    private final MemorySegment farQueries;
    private final MemorySegment output;
    private final MemorySegment mass;
    private final List<MemorySegment> masks = new ArrayList<>();

    /** Takes memory for tiles of at most {@code queries} queries. */
    Scratch(AttentionShape shape, int queries, int width) {
      this.shape = shape;
      this.queries = queries;
      this.width = width;
      long bytes = (long) queries * shape.heads() * shape.vectorBytes();
      windowQueries = arena.allocate(bytes, 64);
      farQueries = arena.allocate(bytes, 64);
      output = arena.allocate(bytes, 64);
      mass = arena.allocate(2L * shape.heads() * width * Float.BYTES, 64);
    }

    /** A tile over this memory whose mask is the {@code mask}-th one. */
    QueryTile tile(int queries, int mask) {
      while (masks.size() <= mask) {
        masks.add(arena.allocate(maskBytes(this.queries, width), 64));
      }
      return new QueryTile(queries, shape, width, this, mask);
    }

    /** Frees the memory of all tiles. */
    @Override
    public void close() {
      arena.close();
    }
  }
}
