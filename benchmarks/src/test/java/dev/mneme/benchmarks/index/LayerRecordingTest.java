package dev.mneme.benchmarks.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LayerRecordingTest {

  @Test
  void poolsLayersWhereOneHasTooFewBlocks() {
    List<LayerRecording> layers =
        IntStream.range(0, 5).mapToObj(LayerRecordingTest::layer).toList();
    assertThat(LayerRecording.ofSize(layers, 2))
        .hasSize(5)
        .allSatisfy(recording -> assertThat(recording.representatives()).hasSize(2))
        .last()
        .satisfies(
            recording -> assertThat(first(recording.representatives())).containsExactly(40, 41));
    assertThat(LayerRecording.ofSize(layers, 5))
        .hasSize(2)
        .last()
        .satisfies(recording -> {
          assertThat(first(recording.representatives())).containsExactly(20, 21, 22, 30, 31);
          assertThat(first(recording.prefill())).containsExactly(200, 201, 300, 301);
          assertThat(first(recording.decode())).containsExactly(2000, 3000);
        });
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
