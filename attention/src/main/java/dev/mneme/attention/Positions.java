package dev.mneme.attention;

/** Where far keys stand relative to a query. */
public enum Positions {

  /** Every far key at one distance, {@link MemoryConfig#farDistance} (InfLLM). */
  INFLLM,

  /**
   * Sinks, chosen blocks and window at consecutive positions in their order of occurrence
   * (StreamingLLM's positions inside the cache, extended to blocks).
   */
  ORDERED
}
