package dev.mneme.memory.index;

/**
 * Finds the blocks of one layer whose representative has the largest inner product with a query.
 *
 * <p>Blocks are numbered from 0 in the order in which their representatives were added. Not
 * thread-safe: an index belongs to one layer of one session. Methods of a closed index throw {@link
 * IllegalStateException}.
 */
public interface BlockIndex extends AutoCloseable {

  /** Opens the indexes of a session's layers. */
  @FunctionalInterface
  interface Factory {

    /**
     * Opens an empty index, closed by whoever asked for it.
     *
     * @param dimension channels of a representative
     * @param vectors gives back, during a search, what was added
     */
    BlockIndex open(int dimension, VectorSource vectors);
  }

  /** Channels of a representative and of a query. */
  int dimension();

  /** Number of blocks. */
  int size();

  /**
   * Adds the next block.
   *
   * @param representative {@link #dimension()} channels; kept, so the caller must not change it
   */
  void add(float[] representative);

  /**
   * Finds the {@code k} blocks with the largest inner products, all of them where there are fewer.
   * Equal products go to the lowest block number.
   *
   * @param query {@link #dimension()} channels, not normalised
   * @return the blocks found, ascending by block number
   */
  Hits search(float[] query, int k);

  /**
   * An index of the same vectors; what is added to one of the two changes nothing in the other. It
   * may be used by another thread and is closed on its own.
   *
   * @param vectors gives back, during a search of the fork, what was added
   */
  BlockIndex fork(VectorSource vectors);

  /** Bytes of memory held for finding blocks. */
  long residentBytes();

  /** Frees what the index holds; closing twice is harmless. */
  @Override
  void close();

  /**
   * Blocks and their inner products.
   *
   * @param blocks block numbers, ascending
   * @param scores inner product of each block in the same order
   */
  @SuppressWarnings("ArrayRecordComponent") // read in the decode loop; lists would box
  record Hits(int[] blocks, float[] scores) {

    /** No blocks. */
    public static final Hits NONE = new Hits(new int[0], new float[0]);
  }
}
