package dev.mneme.benchmarks.report;

/**
 * Wilson's score interval of a share (Wilson 1927): where the true share lies, with 95 %
 * confidence.
 *
 * @param low lower bound, from 0
 * @param high upper bound, to 1
 */
public record Wilson(double low, double high) {

  /** Two-sided 95 % quantile of the normal distribution. */
  private static final double Z = 1.959963984540054;

  /**
   * The interval of {@code hits} of {@code trials}.
   *
   * @param hits from 0 to trials
   * @param trials at least 1
   */
  public static Wilson of(int hits, int trials) {
    if (trials < 1) {
      throw new IllegalArgumentException("trials must be positive: " + trials);
    }
    if (hits < 0 || hits > trials) {
      throw new IllegalArgumentException(
          "hits must be from 0 to trials: hits %d, trials %d".formatted(hits, trials));
    }
    double share = (double) hits / trials;
    double z2 = Z * Z / trials;
    double centre = (share + z2 / 2) / (1 + z2);
    double margin = Z * Math.sqrt(share * (1 - share) / trials + z2 / (4 * trials)) / (1 + z2);
    return new Wilson(hits == 0 ? 0 : centre - margin, hits == trials ? 1 : centre + margin);
  }
}
