package dev.mneme.benchmarks.micro;

import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.ExactIndex;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The choice of eight blocks of one layer: the exact index, which scans 8-bit codes and looks few
 * vectors up, and beside it the scan of all vectors in float32 that one would write first.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class BlockChoiceBenchmark {

  private static final int DIMENSION = 576;
  private static final int CHOSEN = 8;

  @Param({"512", "2048", "16384"})
  private int blocks;

  private float[][] vectors = {};
  private float[] query = {};
  private ExactIndex index = new ExactIndex(1, (block, to) -> {});

  /** Draws representatives that have a large component in common, as real ones have. */
  @Setup
  public void fill() {
    Random random = new Random(1);
    float[] common = draw(random, 4, new float[DIMENSION]);
    vectors = new float[blocks][];
    index = new ExactIndex(DIMENSION, (block, to) -> copy(vectors[block], to));
    for (int block = 0; block < blocks; block++) {
      vectors[block] = draw(random, 1, common);
      index.add(vectors[block]);
    }
    query = draw(random, 1, common);
  }

  private static float[] draw(Random random, float scale, float[] around) {
    float[] vector = around.clone();
    for (int i = 0; i < vector.length; i++) {
      vector[i] += scale * (float) random.nextGaussian();
    }
    return vector;
  }

  private static void copy(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }

  /** The index that sessions use. */
  @Benchmark
  public Hits exactIndex() {
    return index.search(query, CHOSEN);
  }

  /** All inner products in float32; choosing the best is not even counted. */
  @Benchmark
  public float scanOfFloats() {
    float best = Float.NEGATIVE_INFINITY;
    for (float[] vector : vectors) {
      float product = 0;
      for (int i = 0; i < vector.length; i++) {
        product += query[i] * vector[i];
      }
      best = Math.max(best, product);
    }
    return best;
  }
}
