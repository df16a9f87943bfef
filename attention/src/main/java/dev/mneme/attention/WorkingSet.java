package dev.mneme.attention;

import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The bounded set of keys and values that one layer's attention sees, off-heap and long-lived.
 *
 * <p>All tensors are float32, row-major and head by head, {@code D = headDim}:
 *
 * <ul>
 *   <li>{@link #farKeys()} {@code [kvHeads, far, D]}: sinks, chosen blocks, remainder, at the
 *       positions of the scheme in use;
 *   <li>{@link #windowKeys()} {@code [kvHeads, window, D]}: the local window, rotated at its true
 *       positions, a ring;
 *   <li>{@link #values()} {@code [kvHeads, far + window, D]}: the values of both, in that order.
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
  private final MemorySegment farKeys;
  private final MemorySegment windowKeys;
  private final MemorySegment values;
  private final MemorySegment recentKeys;
  private final float[] recentScores;

  WorkingSet(AttentionShape shape, WorkingLayout layout) {
    this.shape = shape;
    this.layout = layout;
    farKeys = allocate(layout.far());
    windowKeys = allocate(layout.window());
    values = allocate(layout.width());
    recentKeys = allocate(layout.recent());
    recentScores = new float[shape.heads() * layout.recent()];
  }

  /** The attention's shape. */
  public AttentionShape shape() {
    return shape;
  }

  /** Rows of far keys. */
  public int far() {
    return layout.far();
  }

  /** Rows of the local window. */
  public int window() {
    return layout.window();
  }

  /** Far keys, {@code [kvHeads, far, D]}. */
  public MemorySegment farKeys() {
    return farKeys;
  }

  /** Keys of the window, {@code [kvHeads, window, D]}. */
  public MemorySegment windowKeys() {
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
    return farKeys.byteSize() + windowKeys.byteSize() + values.byteSize() + recentKeys.byteSize();
  }

  /** Byte offset of a row in a tensor with {@code rows} rows a head. */
  long offset(int head, int row, int rows) {
    return ((long) head * rows + row) * shape.vectorBytes();
  }

  /** Copies the rows that {@code smaller} had in use; rings must not have wrapped unless equal. */
  void copyFrom(WorkingSet smaller, int remainderRows) {
    WorkingLayout from = smaller.layout;
    int slotRows = from.slots() * from.blockSize();
    for (int head = 0; head < shape.kvHeads(); head++) {
      copy(smaller.farKeys, from.far(), 0, farKeys, layout.far(), 0, head, from.sinks() + slotRows);
      copy(
          smaller.values,
          from.width(),
          0,
          values,
          layout.width(),
          0,
          head,
          from.sinks() + slotRows);
      copy(
          smaller.farKeys,
          from.far(),
          from.remainderAt(),
          farKeys,
          layout.far(),
          layout.remainderAt(),
          head,
          remainderRows);
      copy(
          smaller.values,
          from.width(),
          from.remainderAt(),
          values,
          layout.width(),
          layout.remainderAt(),
          head,
          remainderRows);
      copy(
          smaller.values,
          from.width(),
          from.far(),
          values,
          layout.width(),
          layout.far(),
          head,
          from.window());
      copy(
          smaller.windowKeys,
          from.window(),
          0,
          windowKeys,
          layout.window(),
          0,
          head,
          from.window());
      copy(
          smaller.recentKeys,
          from.recent(),
          0,
          recentKeys,
          layout.recent(),
          0,
          head,
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

  private void copy(
      MemorySegment from,
      int fromRows,
      int fromRow,
      MemorySegment to,
      int toRows,
      int toRow,
      int head,
      int rows) {
    MemorySegment.copy(
        from,
        offset(head, fromRow, fromRows),
        to,
        offset(head, toRow, toRows),
        rows * shape.vectorBytes());
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

  /** Writes everything but the slots and rows without content to a state. */
  void save(StateOutput output) throws IOException {
    for (MemorySegment rows : content()) {
      output.write(rows);
    }
    output.write(MemorySegment.ofArray(recentScores));
  }

  /** Reads what {@link #save} wrote from a set of the same layout. */
  void restore(StateInput input) throws IOException {
    for (MemorySegment rows : content()) {
      input.read(rows);
    }
    input.read(MemorySegment.ofArray(recentScores));
  }

  /** All rows but those of the slots. */
  private List<MemorySegment> content() {
    List<MemorySegment> content = new ArrayList<>();
    for (int head = 0; head < shape.kvHeads(); head++) {
      content.add(rows(farKeys, head, layout.far(), 0, layout.sinks()));
      content.add(rows(farKeys, head, layout.far(), layout.remainderAt(), layout.far()));
      content.add(rows(values, head, layout.width(), 0, layout.sinks()));
      content.add(rows(values, head, layout.width(), layout.remainderAt(), layout.width()));
    }
    content.add(windowKeys);
    content.add(recentKeys);
    return content;
  }

  private MemorySegment rows(MemorySegment tensor, int head, int rows, int from, int to) {
    return tensor.asSlice(offset(head, from, rows), (to - from) * shape.vectorBytes());
  }

  /** Takes an owner away; the last one frees the memory. No attention of it over it may be open. */
  @Override
  public void close() {
    if (owners.decrementAndGet() == 0) {
      arena.close();
    }
  }
}
