package dev.mneme.memory.index;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

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

    /** Indexes into both arrays, the largest score first, of equal ones the lowest block. */
    public int[] byRank() {
      return IntStream.range(0, scores.length)
          .boxed()
          .sorted((a, b) -> Float.compare(scores[b], scores[a]))
          .mapToInt(i -> i)
          .toArray();
    }

    /** All blocks of several results, each with its largest score. */
    public static Hits union(List<Hits> results) {
      if (results.size() == 1) {
        return results.getFirst();
      }
      SortedMap<Integer, Float> all = new TreeMap<>();
      for (Hits hits : results) {
        for (int i = 0; i < hits.blocks.length; i++) {
          all.merge(hits.blocks[i], hits.scores[i], Math::max);
        }
      }
      return of(all);
    }

    /** Blocks with their scores. */
    public static Hits of(SortedMap<Integer, Float> scores) {
      int[] blocks = new int[scores.size()];
      float[] values = new float[blocks.length];
      int at = 0;
      for (Map.Entry<Integer, Float> block : scores.entrySet()) {
        blocks[at] = block.getKey();
        values[at++] = block.getValue();
      }
      return new Hits(blocks, values);
    }
  }
}
