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
   * Sinks, chosen blocks and window at consecutive positions in their order of occurrence
   * (StreamingLLM's positions inside the cache, extended to blocks).
   */
  ORDERED
}
