package dev.mneme.benchmarks.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LayerRecordingTest {

  @Test
  void keepsTheFirstBlocks() {
    LayerRecording first = layer(1).firstBlocks(2);
    assertThat(first(first.representatives())).containsExactly(10, 11);
    assertThat(first(first.prefill())).containsExactly(100, 101);
    assertThat(first(first.decode())).containsExactly(1000);
  }

  @Test
  void keepsTheLastQueries() {
    LayerRecording last = layer(1).lastQueries(1);
    assertThat(first(last.prefill())).containsExactly(101);
    assertThat(first(last.decode())).containsExactly(1000);
    assertThat(last.representatives()).hasSize(3);
  }

  private static LayerRecording layer(int layer) {
    return new LayerRecording(
        vectors(layer * 10, 3), vectors(layer * 100, 2), vectors(layer * 1000, 1));
  }

  private static List<float[]> vectors(int first, int count) {
    return IntStream.range(first, first + count).mapToObj(i -> new float[] {i}).toList();
  }

  private static List<Integer> first(List<float[]> vectors) {
    return vectors.stream().map(vector -> (int) vector[0]).toList();
  }
}
