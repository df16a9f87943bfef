package dev.mneme.benchmarks.task;

import java.util.function.IntUnaryOperator;

/**
 * Finds how much may surround a needle. Counting the tokens of a long prompt is slow, so the next
 * guess follows from the tokens of a unit; bounds make sure that it ends.
 */
final class LongestPrompt {

  private LongestPrompt() {}

  /**
   * A number of units with which the prompt is less than {@code slack} tokens below {@code length},
   * or the largest with which it is not above.
   *
   * @param tokens tokens of a prompt of so many units, growing
   * @param least units of the shortest prompt
   * @param length most tokens
   * @param slack tokens by which the prompt may fall short, at least 1
   * @param unitsPerToken about how many units a token has
   * @throws IllegalArgumentException when the shortest prompt is longer than {@code length}
   */
  static int units(
      IntUnaryOperator tokens, int least, int length, int slack, double unitsPerToken) {
    int shortest = tokens.applyAsInt(least);
    if (shortest > length) {
      throw new IllegalArgumentException(
          "length must be at least the %d tokens of the shortest prompt: %d"
              .formatted(shortest, length));
    }
    int fits = least;
    int exceeds = Integer.MAX_VALUE;
    int guess = least;
    int missing = length - shortest;
    while ((missing < 0 || missing >= slack) && exceeds - fits > 1) {
      double next = guess + (missing - slack / 2) * unitsPerToken;
      guess = Math.clamp((long) next, fits + 1, exceeds - 1);
      missing = length - tokens.applyAsInt(guess);
      if (missing >= 0) {
        fits = guess;
      } else {
        exceeds = guess;
      }
    }
    return fits;
  }

  /** Checks a depth. */
  static void checkDepth(double depth) {
    if (!(depth >= 0 && depth <= 1)) {
      throw new IllegalArgumentException("depth must be from 0 to 1: " + depth);
    }
  }
}
