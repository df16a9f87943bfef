package dev.mneme.memory.index;

/** Gives the representatives of one layer, wherever they are kept. */
@FunctionalInterface
public interface VectorSource {

  /**
   * Copies a representative out.
   *
   * @param block number of its block
   * @param to receives its channels, float32
   */
  void read(int block, float[] to);
}
