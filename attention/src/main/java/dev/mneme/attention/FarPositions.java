package dev.mneme.attention;

import dev.mneme.attention.RotaryEmbedding.Angles;

/**
 * The positions at which far keys and the queries that look at them are rotated.
 *
 * <p>Far keys are ordered as in the text: sinks, chosen blocks, remainder. In scheme {@link
 * Positions#INFLLM} every far key stays at position 0 and every query is at {@code farDistance}; in
 * scheme {@link Positions#BLOCKWISE} the {@code i}-th token of a block is at position {@code i}. In
 * scheme {@link Positions#ORDERED} the {@code i}-th far key is at position {@code i} and the window
 * follows on, as in StreamingLLM (Xiao et al. 2023) extended to blocks.
 */
final class FarPositions {

  private final MemoryConfig config;
  private final RotaryEmbedding rotary;
  private final Positions scheme;
  private final Angles keys;
  private final Angles retrieval;

  FarPositions(MemoryConfig config, RotaryEmbedding rotary) {
    this.config = config;
    this.rotary = rotary;
    scheme = config.positions();
    keys =
        rotary.angles(
            0,
            switch (scheme) {
              case INFLLM -> 1;
              case BLOCKWISE -> config.blockSize();
              case ORDERED ->
                  config.nInit() + (config.topK() + 1) * config.blockSize() + config.queryBlock();
            });
    retrieval = rotary.angles(config.farDistance(), 1);
  }

  /** Whether a key keeps its channels whatever its place among the far keys. */
  boolean keepsKeys() {
    return scheme == Positions.INFLLM && rotary.isIdentityAtZero();
  }

  /** Whether a key's position depends on its place among the far keys. */
  boolean isOrdered() {
    return scheme == Positions.ORDERED;
  }

  /** Positions of far keys; {@link #keyRow} says which row is whose. */
  Angles keys() {
    return keys;
  }

  /** The row of {@link #keys()} of the {@code i}-th far key. */
  int keyRow(int i) {
    return switch (scheme) {
      case INFLLM -> 0;
      case BLOCKWISE -> i < config.nInit() ? 0 : (i - config.nInit()) % config.blockSize();
      case ORDERED -> i;
    };
  }

  /**
   * Positions of the queries of a query block, one row a query, as far keys see them.
   *
   * @param from first token of the query block
   * @param count queries
   * @param remainderStart first token of the remainder
   * @param chosen number of chosen blocks
   */
  Angles queries(int from, int count, int remainderStart, int chosen) {
    if (isOrdered()) {
      int first = from - remainderStart + config.nInit() + chosen * config.blockSize();
      return rotary.angles(first, count);
    }
    return retrieval;
  }

  /** The row of {@link #queries} of the {@code i}-th query. */
  int queryRow(int i) {
    return isOrdered() ? i : 0;
  }

  /** The single position at which the mean query looks for blocks, one row. */
  Angles retrieval() {
    return retrieval;
  }
}
