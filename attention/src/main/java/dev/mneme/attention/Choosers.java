package dev.mneme.attention;

/** Who chooses far blocks. */
public enum Choosers {

  /** Each layer, by the sum over its heads: InfLLM. */
  LAYER,

  /** Each key/value head of a layer, by the sum over the query heads that share it. */
  KV_HEAD
}
