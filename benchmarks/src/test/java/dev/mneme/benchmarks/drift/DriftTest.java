package dev.mneme.benchmarks.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class DriftTest {

  @Test
  void equalLogitsDoNotDrift() {
    List<float[]> logits = List.of(new float[] {1, 2, 3}, new float[] {-5, 80, 0});
    assertThat(Drift.between(logits, logits)).isEqualTo(new Drift(2, 1, 0, 0, 0));
  }

  @Test
  void measuresEveryDifference() {
    Drift drift =
        Drift.between(
            List.of(new float[] {0, (float) Math.log(3)}, new float[] {7, 1}),
            List.of(new float[] {0, 0}, new float[] {7, 8}));
    assertThat(drift.positions()).isEqualTo(2);
    assertThat(drift.sameBest()).isZero();
    assertThat(drift.largest()).isEqualTo(7);
    assertThat(drift.mean()).isCloseTo((Math.log(3) + 7) / 4, within(1e-6));
    // (1/4, 3/4) from (1/2, 1/2), and (1 - p, p) from (1 - q, q).
    double first = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
    double p = 1 / (1 + Math.exp(6));
    double q = 1 / (1 + Math.exp(-1));
    double second = (1 - p) * Math.log((1 - p) / (1 - q)) + p * Math.log(p / q);
    assertThat(drift.divergence()).isCloseTo((first + second) / 2, within(1e-6));
  }

  @Test
  void addingTheSameToAllLogitsIsNoDivergence() {
    Drift drift =
        Drift.between(List.of(new float[] {1, 2, 4}), List.of(new float[] {901, 902, 904}));
    assertThat(drift.divergence()).isCloseTo(0, within(1e-9));
    assertThat(drift.sameBest()).isEqualTo(1);
  }
}
