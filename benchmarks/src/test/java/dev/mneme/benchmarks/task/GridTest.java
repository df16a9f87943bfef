package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GridTest {

  @Test
  void readsLengths() {
    assertThat(Grid.lengths("4k,16K, 100000,1,1m"))
        .containsExactly(4096, 16384, 100_000, 1, 1 << 20);
    assertThat(Grid.lengths("2147483647")).containsExactly(Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "4g",
        "-1",
        "0",
        "0k",
        "4.5k",
        "k",
        "2147483648",
        "2097152k",
        "2048m",
        "99999999999"
      })
  void namesWhatIsNoLength(String part) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Grid.lengths("8k," + part))
        .withMessage("a length must be a number of tokens such as 4k or 100000: \"%s\"", part);
  }

  @Test
  void spreadsDepthsEvenly() {
    assertThat(Grid.depths(1)).containsExactly(0.5);
    assertThat(Grid.depths(2)).containsExactly(0.05, 0.95);
    List<Double> ten = Grid.depths(10);
    assertThat(ten).hasSize(10);
    for (int i = 0; i < 10; i++) {
      assertThat(ten.get(i)).isCloseTo(0.05 + 0.1 * i, within(1e-12));
    }
    assertThat(Grid.depths(25)).hasSize(25).allMatch(depth -> depth >= 0.05 && depth < 0.9501);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Grid.depths(0))
        .withMessage("depths must be positive: 0");
  }
}
