package dev.mneme.attention;

/** Where far keys stand relative to a query. */
public enum Positions {

  /** Every far key at one distance, {@link MemoryConfig#farDistance} (InfLLM). */
  INFLLM,

  /**
   * Every block at one distance, its tokens in their order: the first at {@link
   * MemoryConfig#farDistance}, the next ones nearer by one each; sinks at the distance.
   */
  BLOCKWISE,

  /**
   * Sinks, chosen blocks and window in their order of occurrence, with at most {@link
   * MemoryConfig#maxGap} positions for what was left out between two of them: with 0 they are at
   * consecutive positions (StreamingLLM's positions inside the cache, extended to blocks), and
   * where all gaps are smaller every token is at its true position.
   */
  ORDERED
}
