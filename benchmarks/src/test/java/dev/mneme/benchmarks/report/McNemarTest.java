package dev.mneme.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class McNemarTest {

  /** Sums of binomial coefficients by hand: 2 (1 + 6) / 64, 2 / 1024, 2 (1 + 10 + 45) / 1024. */
  @ParameterizedTest
  @CsvSource({"0, 0, 1", "1, 1, 1", "1, 5, 0.21875", "10, 0, 0.001953125", "8, 2, 0.109375"})
  void isTwiceTheTail(int first, int second, double p) {
    assertThat(new McNemar(first, second).p()).isCloseTo(p, within(1e-12));
    assertThat(new McNemar(second, first).p()).isEqualTo(new McNemar(first, second).p());
  }

  @Test
  void countsAreNotNegative() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new McNemar(-1, 2))
        .withMessage("counts must not be negative: -1, 2");
  }
}
