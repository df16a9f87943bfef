package dev.mneme.benchmarks.task;

import org.jspecify.annotations.Nullable;

/**
 * A prompt whose right answer is known.
 *
 * @param id names the sample among those of its task
 * @param task the task and the variant of it
 * @param prompt what is asked
 * @param scoring how a completion is judged
 * @param maxNewTokens most tokens of a completion
 * @param depth place of the needle in the context, from 0 (start) to 1 (end); null when unknown
 */
public record Sample(
    String id,
    String task,
    Prompt prompt,
    Scoring scoring,
    int maxNewTokens,
    @Nullable Double depth) {

  /** Checks the values. */
  public Sample {
    if (maxNewTokens < 1) {
      throw new IllegalArgumentException("maxNewTokens must be positive: " + maxNewTokens);
    }
    if (depth != null && !(depth >= 0 && depth <= 1)) {
      throw new IllegalArgumentException("depth must be from 0 to 1: " + depth);
    }
  }

  /** The score of a completion, from 0 to 1. */
  public double score(String completion) {
    return scoring.score(completion, prompt.answers());
  }
}
