package dev.mneme.attention;

import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import java.io.IOException;

/**
 * How many rows each part of a {@link WorkingSet} has: the capacity, not the filling.
 *
 * <p>Columns of the attention are the rows of the far keys followed by the rows of the window:
 *
 * <pre>
 * [ sinks | slots * blockSize | remainder ][ window ]
 * </pre>
 *
 * @param blockSize tokens per slot
 * @param sinks rows of the attention sinks
 * @param slots chosen blocks
 * @param remainder rows of tokens that left the window but are not in a block yet
 * @param window rows of the ring of the local window; token {@code t} is in row {@code t % window}
 * @param recent rows of the ring of tokens that are not in a block yet; token {@code t} is in row
 *     {@code t % recent}
 */
record WorkingLayout(int blockSize, int sinks, int slots, int remainder, int window, int recent) {

  /** No rows at all: the layout of a session that has read nothing. */
  static WorkingLayout empty(int blockSize) {
    return new WorkingLayout(blockSize, 0, 0, 0, 0, 0);
  }

  void save(StateOutput output) throws IOException {
    for (int rows : new int[] {blockSize, sinks, slots, remainder, window, recent}) {
      output.writeInt(rows);
    }
  }

  static WorkingLayout restore(StateInput input) throws IOException {
    return new WorkingLayout(
        input.readInt(),
        input.readInt(),
        input.readInt(),
        input.readInt(),
        input.readInt(),
        input.readInt());
  }

  /** First row of the slots. */
  int slotsAt() {
    return sinks;
  }

  /** First row of the remainder. */
  int remainderAt() {
    return sinks + slots * blockSize;
  }

  /** Rows of far keys. */
  int far() {
    return remainderAt() + remainder;
  }

  /** Columns of the attention. */
  int width() {
    return far() + window;
  }
}
