package dev.mneme.benchmarks.report;

import org.apache.commons.statistics.distribution.BinomialDistribution;

/**
 * McNemar's test of two ways to answer the same prompts (McNemar 1947), exact: were they equally
 * good, each prompt that only one of them answers would be as likely one's as the other's.
 *
 * @param onlyFirst prompts that the first alone answered
 * @param onlySecond prompts that the second alone answered
 */
public record McNemar(int onlyFirst, int onlySecond) {

  /** Checks the counts. */
  public McNemar {
    if (onlyFirst < 0 || onlySecond < 0) {
      throw new IllegalArgumentException(
          "counts must not be negative: %d, %d".formatted(onlyFirst, onlySecond));
    }
  }

  /** Two-sided: how likely a difference at least as large is between equally good ones. */
  public double p() {
    int prompts = onlyFirst + onlySecond;
    int fewer = Math.min(onlyFirst, onlySecond);
    return Math.min(1, 2 * BinomialDistribution.of(prompts, 0.5).cumulativeProbability(fewer));
  }
}
