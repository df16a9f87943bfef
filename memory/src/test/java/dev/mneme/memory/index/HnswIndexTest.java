package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

/** Levels of the graph are drawn at random in every run, so recall has room below what it is. */
class HnswIndexTest implements BlockIndexContract {

  @Override
  public BlockIndex open(int dimension) {
    return new HnswIndex(dimension, GraphParameters.defaults());
  }

  @Override
  public double leastRecall() {
    return 0.95;
  }

  @Test
  void refusesParametersWithoutAGraph() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GraphParameters(1, 100, 64))
        .withMessage("m must be at least 2: 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GraphParameters(16, 15, 64))
        .withMessage("efConstruction must be at least m: 15, m 16");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GraphParameters(16, 100, 0))
        .withMessage("ef must be positive: 0");
  }
}
