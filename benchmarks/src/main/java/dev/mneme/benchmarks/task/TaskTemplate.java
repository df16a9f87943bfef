package dev.mneme.benchmarks.task;

import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;

/**
 * A task's wording and scoring, one for each variant that is published under one name. Its context
 * grows by units: lines, pairs, words.
 */
interface TaskTemplate {

  /** The name in commands, samples and results, which tells the variant. */
  String taskName();

  /** This template, or the one that is published for shorter prompts. */
  default TaskTemplate forLength(int tokens) {
    return this;
  }

  /** Units of the shortest context. */
  default int leastUnits() {
    return 1;
  }

  /** Tokens by which a prompt may stay below a length; 1 where units differ in length. */
  default int slack(ToIntFunction<String> tokens) {
    return 1;
  }

  /** Most tokens of an answer. */
  int maxNewTokens();

  /** How an answer is judged. */
  Scoring scoring();

  /**
   * Writes a prompt.
   *
   * @param units size of the context, at least {@link #leastUnits()}
   * @param depth place of the needle from 0 (start) to 1 (end); of the first one where there are
   *     several
   * @param random decides the rest; equal sequences give equal prompts
   */
  Prompt prompt(int units, double depth, RandomGenerator random);
}
