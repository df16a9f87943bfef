package dev.mneme.memory.store;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;

/**
 * Where the blocks of one layer are kept.
 *
 * <p>Blocks are numbered from 0 in the order in which they were appended and never change. Not
 * thread-safe, as a store belongs to one layer of one session; but several threads may read keys
 * and values at once. Methods of a closed store throw {@link IllegalStateException}.
 */
public interface BlockStore extends AutoCloseable {

  /** Opens the stores of a session's layers. */
  @FunctionalInterface
  interface Factory {

    /**
     * Opens an empty store, closed by whoever asked for it.
     *
     * @param layer from 0 inclusive to the number of layers exclusive
     * @param shape of every block
     * @param dimension channels of a representative
     */
    BlockStore open(int layer, BlockShape shape, int dimension);
  }

  /** The shape of every block. */
  BlockShape shape();

  /** Channels of a block's representative. */
  int dimension();

  /** Number of blocks. */
  int size();

  /**
   * Makes room for blocks, where that is worth doing ahead: several threads may do it for a store
   * each, as several get memory from the system faster than one does.
   *
   * @param blocks that are appended next
   */
  default void reserve(int blocks) {}

  /**
   * Keeps a copy of a block, in the precision of the store.
   *
   * @param keys un-rotated keys, row-major {@code [kvHeads, blockSize, headDim]}, float32
   * @param values values in the same layout
   * @param representative {@link #dimension()} channels, kept as they are
   * @return the block's number
   */
  int append(MemorySegment keys, MemorySegment values, float[] representative);

  /**
   * Copies the un-rotated keys of one head of a block out.
   *
   * @param block from 0 inclusive to {@link #size()} exclusive
   * @param head key/value head, from 0 inclusive to {@code kvHeads} exclusive
   * @param to receives row-major {@code [blockSize, headDim]}
   */
  void readKeys(int block, int head, MemorySegment to);

  /** Copies the values of one head of a block out, as {@link #readKeys} does its keys. */
  void readValues(int block, int head, MemorySegment to);

  /**
   * Copies a block's representative out.
   *
   * @param block from 0 inclusive to {@link #size()} exclusive
   * @param to receives {@link #dimension()} channels
   */
  void readRepresentative(int block, float[] to);

  /**
   * Says which blocks are read next, so that reading them may begin.
   *
   * @param blocks each from 0 inclusive to {@link #size()} exclusive
   */
  default void prefetch(int[] blocks) {}

  /** Bytes of a block in the precision of the store. */
  long encodedBytes();

  /**
   * Copies a block out as it is kept.
   *
   * @param block from 0 inclusive to {@link #size()} exclusive
   * @param to receives {@link #encodedBytes()} bytes
   */
  void readEncoded(int block, MemorySegment to);

  /**
   * A store with the same blocks, shared and not copied; what is appended to one of the two changes
   * nothing in the other. It may be used by another thread and is closed on its own.
   *
   * @param tails opens the store of what is appended to a fork of blocks in a file, when that is
   *     needed; a folder has one writer
   */
  BlockStore fork(Factory tails);

  /** Bytes of memory held for blocks; blocks shared by forks count for each. */
  long residentBytes();

  /** Frees the blocks; closing twice is harmless. */
  @Override
  void close();
}
