package dev.mneme.integration.importer;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a GGUF file.
 *
 * @param name its name in the file
 * @param type encoding
 * @param dims sizes, innermost (length of a row) first
 * @param data encoded rows, valid while the arena that the file was opened in is
 */
record GgufTensor(String name, GgufType type, List<Long> dims, MemorySegment data)
    implements WeightMatrix {

  @Override
  public int rows() {
    return Math.toIntExact(dims.stream().skip(1).reduce(1L, Math::multiplyExact));
  }

  @Override
  public int columns() {
    return Math.toIntExact(dims.getFirst());
  }

  @Override
  public void read(int row, int column, int count, float[] into, int at) {
    type.decode(data, (long) row * columns() + column, count, into, at);
  }
}
