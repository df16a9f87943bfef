package dev.mneme.benchmarks.micro;

import dev.mneme.attention.RotaryEmbedding;
import dev.mneme.attention.RotaryEmbedding.Angles;
import dev.mneme.attention.RotaryEmbedding.Rotator;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Rotation of the keys of a far block: 64 tokens, three heads of 64 channels. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class RotationBenchmark {

  private static final int TOKENS = 64;
  private static final int HEADS = 3;
  private static final int DIM = 64;
  private static final int PANEL = 16;
  private static final int FIRST = 1000;

  @Param({"false", "true"})
  private boolean interleaved;

  private final double[] frequencies =
      IntStream.range(0, DIM / 2).mapToDouble(i -> Math.pow(100_000, -2.0 * i / DIM)).toArray();
  private final float[] keys = draw();
  private RotaryEmbedding rotary = new RotaryEmbedding(frequencies, 1, false, 1);
  private Angles angles = rotary.angles(FIRST, TOKENS);

  /** Makes the table of angles, which all layers share. */
  @Setup
  public void turn() {
    rotary = new RotaryEmbedding(frequencies, 1, interleaved, 1);
    angles = rotary.angles(FIRST, TOKENS);
  }

  private static float[] draw() {
    Random random = new Random(1);
    float[] drawn = new float[TOKENS * HEADS * DIM];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = (float) random.nextGaussian();
    }
    return drawn;
  }

  /** As sessions do it. */
  @Benchmark
  public float[] rotator() {
    Rotator rotator = rotary.rotator(DIM);
    for (int token = 0; token < TOKENS; token++) {
      rotator.turnTo(angles, token, 1);
      for (int head = 0; head < HEADS; head++) {
        int at = (token * HEADS + head) * DIM;
        rotator.rotate(keys, at, keys, at);
      }
    }
    return keys;
  }

  /** As sessions do it for keys that a kernel reads channel by channel. */
  @Benchmark
  public float[] panels() {
    Rotator rotator = rotary.rotator(DIM, PANEL);
    for (int token = 0; token < TOKENS; token += PANEL) {
      for (int vector = 0; vector < PANEL; vector++) {
        rotator.turnTo(vector, angles, token + vector, 1);
      }
      for (int head = 0; head < HEADS; head++) {
        int at = (token * HEADS + head * PANEL) * DIM;
        rotator.rotate(keys, at, keys, at);
      }
    }
    return keys;
  }

  /** Pair by pair, which the JVM does not turn into SIMD. */
  @Benchmark
  public float[] pairs() {
    int second = interleaved ? 1 : DIM / 2;
    int step = interleaved ? 2 : 1;
    for (int token = 0; token < TOKENS; token++) {
      for (int pair = 0; pair < DIM / 2; pair++) {
        double angle = (FIRST + token) * frequencies[pair];
        float cos = (float) Math.cos(angle);
        float sin = (float) Math.sin(angle);
        for (int head = 0; head < HEADS; head++) {
          int at = (token * HEADS + head) * DIM + pair * step;
          float x = keys[at];
          float y = keys[at + second];
          keys[at] = x * cos - y * sin;
          keys[at + second] = y * cos + x * sin;
        }
      }
    }
    return keys;
  }
}
