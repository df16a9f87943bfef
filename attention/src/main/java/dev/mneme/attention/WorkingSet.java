package dev.mneme.attention;

import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The bounded set of keys and values that one layer's attention sees, off-heap and long-lived.
 *
 * <p>All tensors are float32, {@code D = headDim}:
 *
 * <ul>
 *   <li>{@link #farKeys()}, {@code far} rows a head: sinks, chosen blocks, remainder, at the
 *       positions of the scheme in use;
 *   <li>{@link #windowKeys()}, {@code window} rows a head: the local window, rotated at its true
 *       positions, a ring;
 *   <li>{@link #values()} {@code [kvHeads, far + window, D]}, row-major: the values of both, in
 *       that order.
 * </ul>
 *
 * <p>Softmax does not care about order, so rows are replaced in place. Rows that hold no token are
 * excluded by the mask; they are finite. Forks share a set until one of them writes to it. Not
 * thread-safe, apart from its sharing.
 */
public final class WorkingSet implements AutoCloseable {

  private final AttentionShape shape;
  private final WorkingLayout layout;
  private final Arena arena = Arena.ofShared();
  private final AtomicInteger owners = new AtomicInteger(1);
  private final KeyRows farKeys;
  private final KeyRows windowKeys;
  private final MemorySegment values;
  private final MemorySegment recentKeys;
  private final float[] recentScores;

  /**
   * Takes memory for a layer.
   *
   * @param keyPanel rows in a panel of keys; see {@link AttentionKernel#keyPanel}
   */
  WorkingSet(AttentionShape shape, WorkingLayout layout, int keyPanel) {
    this.shape = shape;
    this.layout = layout;
    farKeys = new KeyRows(shape, layout.far(), keyPanel, arena);
    windowKeys = new KeyRows(shape, layout.window(), keyPanel, arena);
    values = allocate(layout.width());
    recentKeys = allocate(layout.recent());
    recentScores = new float[shape.heads() * layout.recent()];
  }

  /** The attention's shape. */
  public AttentionShape shape() {
    return shape;
  }

  /** How many rows each part has. */
  WorkingLayout layout() {
    return layout;
  }

  /** Rows of far keys. */
  public int far() {
    return layout.far();
  }

  /** Rows of the local window. */
  public int window() {
    return layout.window();
  }

  /** Far keys. */
  public KeyRows farKeys() {
    return farKeys;
  }

  /** Keys of the window. */
  public KeyRows windowKeys() {
    return windowKeys;
  }

  /** Values, {@code [kvHeads, far + window, D]}. */
  public MemorySegment values() {
    return values;
  }

  /**
   * Un-rotated keys of tokens that are not in a block yet, {@code [kvHeads, recent, D]}, a ring.
   */
  MemorySegment recentKeys() {
    return recentKeys;
  }

  /** Attention that those tokens received while local, {@code [heads, recent]}, the same ring. */
  float[] recentScores() {
    return recentScores;
  }

  /** Bytes held outside the heap. */
  long bytes() {
    return farKeys.memory().byteSize()
        + windowKeys.memory().byteSize()
        + values.byteSize()
        + recentKeys.byteSize();
  }

  /** Byte offset of a row in a tensor with {@code rows} rows a head. */
  long offset(int head, int row, int rows) {
    return ((long) head * rows + row) * shape.vectorBytes();
  }

  /** Copies the rows that {@code smaller} had in use; rings must not have wrapped unless equal. */
  void copyFrom(WorkingSet smaller, int remainderRows) {
    WorkingLayout from = smaller.layout;
    int slotRows = from.slots() * from.blockSize();
    farKeys.copyFrom(smaller.farKeys, 0, 0, from.sinks() + slotRows);
    farKeys.copyFrom(smaller.farKeys, from.remainderAt(), layout.remainderAt(), remainderRows);
    windowKeys.copyFrom(smaller.windowKeys, 0, 0, from.window());
    for (int head = 0; head < shape.kvHeads(); head++) {
      copyValues(smaller, head, 0, 0, from.sinks() + slotRows);
      copyValues(smaller, head, from.remainderAt(), layout.remainderAt(), remainderRows);
      copyValues(smaller, head, from.far(), layout.far(), from.window());
      copy(
          smaller.recentKeys,
          smaller.offset(head, 0, from.recent()),
          recentKeys,
          offset(head, 0, layout.recent()),
          from.recent());
    }
    for (int head = 0; head < shape.heads(); head++) {
      System.arraycopy(
          smaller.recentScores,
          head * from.recent(),
          recentScores,
          head * layout.recent(),
          from.recent());
    }
  }

  private void copyValues(WorkingSet from, int head, int fromRow, int row, int rows) {
    copy(
        from.values,
        offset(head, fromRow, from.layout.width()),
        values,
        offset(head, row, layout.width()),
        rows);
  }

  private void copy(MemorySegment from, long fromAt, MemorySegment to, long at, int rows) {
    MemorySegment.copy(from, fromAt, to, at, rows * shape.vectorBytes());
  }

  private MemorySegment allocate(int rows) {
    return arena.allocate((long) shape.kvHeads() * rows * shape.vectorBytes(), 64);
  }

  /** Adds an owner, who must not write while there are others. */
  WorkingSet retain() {
    owners.incrementAndGet();
    return this;
  }

  boolean isShared() {
    return owners.get() > 1;
  }

  /** Writes everything but the slots and rows without content to a state, all row-major. */
  void save(StateOutput output) throws IOException {
    for (int head = 0; head < shape.kvHeads(); head++) {
      save(output, farKeys, head, 0, layout.sinks());
      save(output, farKeys, head, layout.remainderAt(), layout.far());
      output.write(values(head, 0, layout.sinks()));
      output.write(values(head, layout.remainderAt(), layout.width()));
    }
    for (int head = 0; head < shape.kvHeads(); head++) {
      save(output, windowKeys, head, 0, layout.window());
    }
    output.write(recentKeys);
    output.write(MemorySegment.ofArray(recentScores));
  }

  private static void save(StateOutput output, KeyRows keys, int head, int from, int to)
      throws IOException {
    output.write(MemorySegment.ofArray(keys.copyOfRange(head, from, to)));
  }

  /** Reads what {@link #save} wrote from a set of the same layout, whatever its panels. */
  void restore(StateInput input) throws IOException {
    for (int head = 0; head < shape.kvHeads(); head++) {
      restore(input, farKeys, head, 0, layout.sinks());
      restore(input, farKeys, head, layout.remainderAt(), layout.far());
      input.read(values(head, 0, layout.sinks()));
      input.read(values(head, layout.remainderAt(), layout.width()));
    }
    for (int head = 0; head < shape.kvHeads(); head++) {
      restore(input, windowKeys, head, 0, layout.window());
    }
    input.read(recentKeys);
    input.read(MemorySegment.ofArray(recentScores));
  }

  private void restore(StateInput input, KeyRows keys, int head, int from, int to)
      throws IOException {
    float[] rows = new float[(to - from) * shape.headDim()];
    input.read(MemorySegment.ofArray(rows));
    keys.putAll(head, from, rows);
  }

  private MemorySegment values(int head, int from, int to) {
    return values.asSlice(offset(head, from, layout.width()), (to - from) * shape.vectorBytes());
  }

  /** Takes an owner away; the last one frees the memory. No attention of it over it may be open. */
  @Override
  public void close() {
    if (owners.decrementAndGet() == 0) {
      arena.close();
    }
  }
}
