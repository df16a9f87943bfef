package dev.mneme.benchmarks.task;

import java.util.function.IntUnaryOperator;

/**
 * Finds how much may surround a needle. Counting the tokens of a long prompt is slow, so the next
 * guess follows from the tokens of a unit so far; bounds make sure that it ends.
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
   * @throws IllegalArgumentException when the shortest prompt is longer than {@code length}
   */
  static int units(IntUnaryOperator tokens, int least, int length, int slack) {
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
      double unit = guess == least ? 1 : (double) (length - missing - shortest) / (guess - least);
      double next = guess + (missing - slack / 2) / Math.max(unit, 1e-3);
      // The first guess is a small one, as nothing is known of a unit yet.
      long most = guess == least ? Math.min(exceeds - 1L, least + 64L) : exceeds - 1L;
      guess = (int) Math.clamp((long) next, fits + 1L, Math.max(most, fits + 1L));
      missing = length - tokens.applyAsInt(guess);
      if (missing >= 0) {
        fits = guess;
      } else {
        exceeds = guess;
      }
    }
    return fits;
  }
}
