package dev.mneme.integration.runtime;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.importer.RealModel;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the bounds of the self-check are about, on SmolLM2-135M. */
class SelfCheckTest {

  private static final int TOKENS = 12;

  /** Half a unit in the last place of float32. */
  private static final double LAST_BIT = 0x1p-24;

  private final OnnxRuntime runtime =
      OnnxRuntime.open(Device.parse("cpu"), 0, true, KernelKind.AUTO);

  /** So no bound on what is rounded tells last bits from faults, and one without rounding does. */
  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4"})
  void lastBitsMatterWhereActivationsAreRounded(Precision precision) throws IOException {
    ModelGraph rounding = ModelGraph.read(RealModel.folder(precision));
    assertThat(rounding.roundsActivations()).isTrue();
    assertThat(deviation(rounding, 0)).isLessThan(1e-5);
    assertThat(deviation(rounding, LAST_BIT)).isGreaterThan(1e-2);
    ModelGraph exact = rounding.withFloatProducts();
    assertThat(exact.roundsActivations()).isFalse();
    assertThat(deviation(exact, LAST_BIT)).isLessThan(1e-4);
  }

  /**
   * The largest deviation of the attention of any layer when what the attention of the layers
   * before it gave differs by a little noise.
   *
   * @param noise relative to each element
   */
  private double deviation(ModelGraph graph, double noise) throws IOException {
    Random random = new Random(1);
    int[] prompt = random.ints(TOKENS, 0, graph.vocabularySize()).toArray();
    double[] most = {0};
    try (SegmentedModel model = SegmentedModel.open(graph, runtime);
        UncutModel uncut = UncutModel.observed(graph, runtime, TOKENS, TOKENS)) {
      uncut.read(prompt, 0, TOKENS);
      MemoryAttention memory =
          model.newMemory(
              MemoryConfig.defaults(),
              ArenaBlockStore.factory(BlockPrecision.FLOAT32),
              ExactIndex::new);
      try (TokenReader reader = new TokenReader(model, memory, null, TOKENS)) {
        reader.read(
            prompt,
            0,
            TOKENS,
            (layer, output) -> {
              MemorySegment right = uncut.rows(layer.output());
              most[0] = Math.max(most[0], deviation(right, output));
              for (long i = 0; i < right.byteSize() / Float.BYTES; i++) {
                float value = right.getAtIndex(JAVA_FLOAT, i);
                output.setAtIndex(
                    JAVA_FLOAT, i, (float) (value * (1 + noise * random.nextGaussian())));
              }
            });
      }
    }
    return most[0];
  }

  private static double deviation(MemorySegment right, MemorySegment found) {
    double largest = 0;
    double most = 0;
    for (long i = 0; i < right.byteSize() / Float.BYTES; i++) {
      float expected = right.getAtIndex(JAVA_FLOAT, i);
      largest = Math.max(largest, Math.abs(expected));
      most = Math.max(most, Math.abs(expected - found.getAtIndex(JAVA_FLOAT, i)));
    }
    return most / largest;
  }
}
