package dev.mneme.attention;

/** Which tokens of the remainder a query sees as far. */
public enum Mask {

  /** Those that left the query's own window: every token is seen once. */
  FIXED,

  /**
   * Those that leave the window before the query block ends, as InfLLM's published code has it:
   * early queries of a block see some tokens twice. For comparison with published figures.
   */
  PUBLISHED
}
