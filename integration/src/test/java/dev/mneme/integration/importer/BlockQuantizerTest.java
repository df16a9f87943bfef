package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockQuantizerTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void keepsWhatIsOnAGridAlready(long seed) {
    Random random = new Random(seed);
    float d = 0.01f + random.nextFloat();
    float m = random.nextFloat() - 0.5f;
    float[] q41 = new float[32];
    float[] q80 = new float[32];
    for (int i = 0; i < 32; i++) {
      q41[i] = d * (i < 2 ? 15 * i : random.nextInt(16)) + m;
      q80[i] = d * (i == 0 ? -127 : random.nextInt(255) - 127);
    }
    assertThat(throughNibbles(q41)).containsExactly(q41, within(2e-6f * (Math.abs(m) + 15 * d)));
    assertThat(throughBytes(q80)).containsExactly(q80, within(2e-7f * 127 * d));
  }

  @ParameterizedTest
  @ValueSource(longs = {4, 5, 6})
  void missesByHalfAStepAtMost(long seed) {
    Random random = new Random(seed);
    float[] weights = new float[32];
    float largest = 0;
    float low = Float.MAX_VALUE;
    float high = -Float.MAX_VALUE;
    for (int i = 0; i < 32; i++) {
      weights[i] = (float) random.nextGaussian();
      largest = Math.max(largest, Math.abs(weights[i]));
      low = Math.min(low, weights[i]);
      high = Math.max(high, weights[i]);
    }
    assertThat(throughNibbles(weights)).containsExactly(weights, within((high - low) / 29.9f));
    assertThat(throughBytes(weights)).containsExactly(weights, within(largest / 253.9f));
  }

  @ParameterizedTest
  @ValueSource(floats = {0, 0.3f, -2})
  void keepsConstantBlocks(float value) {
    float[] weights = new float[32];
    Arrays.fill(weights, value);
    assertThat(throughNibbles(weights)).containsExactly(weights, within(1e-6f));
    assertThat(throughBytes(weights)).containsExactly(weights, within(1e-6f));
  }

  private static float[] throughBytes(float[] weights) {
    byte[] q = new byte[32];
    float scale = BlockQuantizer.toBytes(weights, 0, q, 0);
    float[] back = new float[32];
    for (int i = 0; i < 32; i++) {
      back[i] = scale * ((q[i] & 0xff) - 128);
    }
    return back;
  }

  private static float[] throughNibbles(float[] weights) {
    byte[] q = new byte[16];
    BlockQuantizer.Grid grid = BlockQuantizer.toNibbles(weights, 0, q, 0);
    float[] back = new float[32];
    for (int i = 0; i < 32; i++) {
      int nibble = (q[i / 2] >>> (4 * (i % 2))) & 0xf;
      back[i] = grid.scale() * (nibble - 8) + grid.offset();
    }
    return back;
  }
}
