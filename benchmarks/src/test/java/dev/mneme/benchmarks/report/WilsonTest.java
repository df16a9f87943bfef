package dev.mneme.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WilsonTest {

  /** The score equation solved by bisection, apart from this code. */
  @ParameterizedTest
  @CsvSource({
    "18, 20, 0.698966, 0.972139",
    "45, 50, 0.786398, 0.956524",
    "90, 100, 0.825634, 0.944771",
    "95, 100, 0.888250, 0.978457",
    "0, 10, 0, 0.277533",
    "10, 10, 0.722467, 1"
  })
  void agreesWithTheEquationSolvedNumerically(int hits, int trials, double low, double high) {
    Wilson interval = Wilson.of(hits, trials);
    assertThat(interval.low()).isCloseTo(low, within(1e-5));
    assertThat(interval.high()).isCloseTo(high, within(1e-5));
  }

  /** The bounds are where the observed share is 1.96 standard deviations off the true one. */
  @Test
  void boundsSolveTheScoreEquation() {
    for (int hits = 1; hits < 30; hits++) {
      Wilson interval = Wilson.of(hits, 30);
      for (double p : new double[] {interval.low(), interval.high()}) {
        double z = Math.abs(hits / 30.0 - p) / Math.sqrt(p * (1 - p) / 30);
        assertThat(z).isCloseTo(1.959963984540054, within(1e-9));
      }
    }
  }

  @Test
  void refusesImpossibleCounts() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Wilson.of(0, 0))
        .withMessage("trials must be positive: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Wilson.of(3, 2))
        .withMessage("hits must be from 0 to trials: hits 3, trials 2");
  }
}
