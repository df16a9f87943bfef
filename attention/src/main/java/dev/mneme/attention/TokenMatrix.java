package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Columns of a row-major float32 matrix with one row a token, such as the queries inside a packed
 * query-key-value projection.
 *
 * @param memory the matrix, in native byte order; any thread may access it
 * @param rowWidth floats per row
 * @param column first column that belongs to this view
 */
public record TokenMatrix(MemorySegment memory, int rowWidth, int column) {

  /** The rows from {@code first} on. */
  TokenMatrix from(int first) {
    long bytes = (long) first * rowWidth * Float.BYTES;
    return new TokenMatrix(memory.asSlice(bytes), rowWidth, column);
  }

  /** Copies {@code length} floats of a row into {@code to}. */
  void read(int row, float[] to, int length) {
    MemorySegment.copy(memory, JAVA_FLOAT, offset(row), to, 0, length);
  }

  /** Copies {@code bytes} of other memory, from {@code at} on, into a row, a float on. */
  void write(int row, int to, MemorySegment from, long at, long bytes) {
    MemorySegment.copy(from, at, memory, offset(row) + (long) to * Float.BYTES, bytes);
  }

  private long offset(int row) {
    return ((long) row * rowWidth + column) * Float.BYTES;
  }
}
