package dev.mneme.integration.runtime;

import dev.mneme.memory.index.BlockIndex.Hits;

/**
 * Finds far blocks by the text, beside the keys of each layer: the blocks found are the same for
 * all layers and are fused with those that keys find, as {@code memory.words} says. One session
 * uses a finder, from one thread at a time.
 */
public interface BlockFinder extends AutoCloseable {

  /**
   * Finds blocks for the text in front of a token.
   *
   * @param tokens the text from its start; the same ones in every call
   * @param blocks number of blocks that there are; not fewer than in the call before
   * @param to one past the last token of that text
   * @param k most blocks to find
   * @return at most {@code k} of them, ascending by block number
   */
  Hits search(int[] tokens, int blocks, int to, int k);

  /** A finder that knows the same text, for a fork of the session. */
  BlockFinder fork();

  /** Bytes of memory held. */
  long residentBytes();

  @Override
  void close();
}
