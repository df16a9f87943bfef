package dev.mneme.memory.store;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;

/**
 * Where the blocks of one layer are kept.
 *
 * <p>Blocks are numbered from 0 in the order in which they were appended and never change. Not
 * thread-safe: a store belongs to one layer of one session. Methods of a closed store throw {@link
 * IllegalStateException}.
 */
public interface BlockStore extends AutoCloseable {

  /** The shape of every block. */
  BlockShape shape();

  /** Number of blocks. */
  int size();

  /**
   * Keeps a copy of a block, in the precision of the store.
   *
   * @param keys un-rotated keys, row-major {@code [kvHeads, blockSize, headDim]}, float32
   * @param values values in the same layout
   * @return the block's number
   */
  int append(MemorySegment keys, MemorySegment values);

  /**
   * Copies one head of a block out.
   *
   * @param block from 0 inclusive to {@link #size()} exclusive
   * @param head key/value head, from 0 inclusive to {@code kvHeads} exclusive
   * @param keys receives the un-rotated keys, row-major {@code [blockSize, headDim]}
   * @param values receives the values in the same layout
   */
  void read(int block, int head, MemorySegment keys, MemorySegment values);

  /** Bytes of memory held for blocks. */
  long residentBytes();

  /** Frees the blocks; closing twice is harmless. */
  @Override
  void close();
}
