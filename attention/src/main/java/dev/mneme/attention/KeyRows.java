package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Keys of a part of a {@link WorkingSet}, off-heap, in panels of {@code P} rows: {@code [kvHeads,
 * ceil(rows / P), D, P]} with {@code D = headDim}, float32. A kernel that multiplies a query by
 * many keys at once finds them side by side, channel by channel; with {@code P = 1} keys are
 * row-major {@code [kvHeads, rows, D]}. Rows behind the last one, in its panel, are zero. Not
 * thread-safe.
 */
public final class KeyRows {

  private final int heads;
  private final int rows;
  private final int panel;
  private final int dim;
  private final MemorySegment memory;

  /** Takes memory for {@code rows} rows of zeros a head. */
  KeyRows(AttentionShape shape, int rows, int panel, Arena arena) {
    heads = shape.kvHeads();
    this.rows = rows;
    this.panel = panel;
    dim = shape.headDim();
    memory = arena.allocate(heads * floats() * Float.BYTES, 64);
  }

  /** Floats of a head. */
  private long floats() {
    return (long) Math.ceilDiv(rows, panel) * panel * dim;
  }

  /** Rows of a panel. */
  int panel() {
    return panel;
  }

  /** The tensor. */
  public MemorySegment memory() {
    return memory;
  }

  /**
   * The float at which a row's channels begin; they are {@code P} apart.
   *
   * @param head from 0 inclusive to {@code kvHeads} exclusive
   * @param row from 0 inclusive
   */
  public long at(int head, int row) {
    return head * floats() + (long) (row / panel) * panel * dim + row % panel;
  }

  /** Replaces a row by {@code D} channels, from {@code from[fromAt]} on. */
  void put(int head, int row, float[] from, int fromAt) {
    long at = at(head, row);
    if (panel == 1) {
      MemorySegment.copy(from, fromAt, memory, JAVA_FLOAT, at * Float.BYTES, dim);
      return;
    }
    for (int i = 0; i < dim; i++) {
      memory.setAtIndex(JAVA_FLOAT, at + (long) i * panel, from[fromAt + i]);
    }
  }

  /**
   * Replaces a panel by {@code D * P} channels.
   *
   * @param row the panel's first
   * @param from channels of all its rows, {@code [D, P]}
   */
  void putPanel(int head, int row, float[] from) {
    MemorySegment.copy(from, 0, memory, JAVA_FLOAT, at(head, row) * Float.BYTES, dim * panel);
  }

  /** Copies the {@code D} channels of a row to {@code to[toAt]} and on. */
  void get(int head, int row, float[] to, int toAt) {
    long at = at(head, row);
    if (panel == 1) {
      MemorySegment.copy(memory, JAVA_FLOAT, at * Float.BYTES, to, toAt, dim);
      return;
    }
    for (int i = 0; i < dim; i++) {
      to[toAt + i] = memory.getAtIndex(JAVA_FLOAT, at + (long) i * panel);
    }
  }

  /** Some rows of a head, row-major {@code [to - from, D]}. */
  float[] copyOfRange(int head, int from, int to) {
    float[] copy = new float[(to - from) * dim];
    for (int row = from; row < to; row++) {
      get(head, row, copy, (row - from) * dim);
    }
    return copy;
  }

  /** Replaces rows of a head by those of a row-major array. */
  void putAll(int head, int row, float[] from) {
    for (int i = 0; i < from.length / dim; i++) {
      put(head, row + i, from, i * dim);
    }
  }

  /** Copies rows of all heads from other keys of the same shape, or to another place in these. */
  void copyFrom(KeyRows other, int otherRow, int row, int count) {
    for (int head = 0; head < heads; head++) {
      putAll(head, row, other.copyOfRange(head, otherRow, otherRow + count));
    }
  }
}
