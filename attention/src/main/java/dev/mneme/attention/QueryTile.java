package dev.mneme.attention;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A few consecutive queries of one layer on their way through the attention kernel, off-heap.
 *
 * <p>All tensors are float32 and row-major; {@code n} queries, {@code G = group()}, {@code D =
 * headDim}, {@code width = far + window}:
 *
 * <ul>
 *   <li>{@link #windowQueries()} and {@link #farQueries()} {@code [kvHeads, G * n, D]}: the scaled
 *       queries, rotated for the window's keys and for the far keys; row {@code g * n + i} is query
 *       {@code i} of head {@code kvHead * G + g};
 *   <li>{@link #mask()} {@code [n, width]}: added to the inner products, 0 or negative infinity;
 *   <li>{@link #output()} {@code [kvHeads, G * n, D]}: written by the kernel, rows as above;
 *   <li>{@link #mass()} {@code [heads, width]}: written by the kernel: the softmax weight of each
 *       column summed over the queries.
 * </ul>
 *
 * <p>Tiles are views of memory that a session keeps, so a tile's output is valid until the next
 * tile is attended. Not thread-safe.
 */
public final class QueryTile {

  private final int queries;
  private final MemorySegment windowQueries;
  private final MemorySegment farQueries;
  private final MemorySegment mask;
  private final MemorySegment output;
  private final MemorySegment mass;

  private QueryTile(int queries, AttentionShape shape, int width, Scratch scratch, int mask) {
    this.queries = queries;
    long bytes = (long) queries * shape.heads() * shape.vectorBytes();
    windowQueries = scratch.windowQueries.asSlice(0, bytes);
    farQueries = scratch.farQueries.asSlice(0, bytes);
    output = scratch.output.asSlice(0, bytes);
    mass = scratch.mass.asSlice(0, (long) shape.heads() * width * Float.BYTES);
    this.mask = scratch.masks.get(mask).asSlice(0, (long) queries * width * Float.BYTES);
  }

  /** Number of queries. */
  public int queries() {
    return queries;
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
      mass = arena.allocate((long) shape.heads() * width * Float.BYTES, 64);
    }

    /** A tile over this memory whose mask is the {@code mask}-th one. */
    QueryTile tile(int queries, int mask) {
      while (masks.size() <= mask) {
        masks.add(arena.allocate((long) this.queries * width * Float.BYTES, 64));
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
