package dev.mneme.attention.selection;

import dev.mneme.memory.index.BlockIndex.Hits;

/** Finds far blocks by the words of the text, which are the same for all layers. */
@FunctionalInterface
public interface WordSearch {

  /** Finds nothing. */
  WordSearch NONE = (blocks, to, k) -> Hits.NONE;

  /**
   * Finds blocks that share words with the text in front of a token.
   *
   * @param blocks number of blocks that there are
   * @param to one past the last token of that text
   * @param k most blocks to find
   * @return at most {@code k} of them, ascending by block number
   */
  Hits search(int blocks, int to, int k);
}
