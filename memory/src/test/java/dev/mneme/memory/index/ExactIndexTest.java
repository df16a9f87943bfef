package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.memory.concurrent.Workers;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.lucene.util.VectorUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactIndexTest implements BlockIndexContract {

  @Override
  public BlockIndex open(int dimension) {
    Vectors vectors = new Vectors(space());
    BlockIndex index = vectors.index(dimension);
    return (BlockIndex)
        Proxy.newProxyInstance(
            BlockIndex.class.getClassLoader(),
            new Class<?>[] {BlockIndex.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("add")) {
                vectors.kept.add((float[]) arguments[0]);
              }
              try {
                return method.invoke(index, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  static final Workers WORKERS = new Workers(3, false);

  /** Where codes are kept. */
  CodeSpace space() {
    return CodeSpace.inMemory();
  }

  @Override
  public double leastRecall() {
    return 1;
  }

  @Test
  void looksUpFewVectors() {
    Random random = new Random(3);
    int dimension = 256;
    Vectors vectors = new Vectors(space());
    BlockIndex index = vectors.index(dimension);
    for (int block = 0; block < 1024; block++) {
      vectors.add(index, vector(random, dimension, 1));
    }
    index.search(vector(random, dimension, 1), 8);
    assertThat(vectors.looks.get()).isBetween(8, 200);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 200, 5000})
  void givesEqualScoresToTheLowestBlock(int others) {
    Vectors vectors = new Vectors(space());
    BlockIndex index = vectors.index(1);
    for (float score : new float[] {1, 2, 2, 3, 2, 2}) {
      vectors.add(index, new float[] {score});
    }
    for (int other = 0; other < others; other++) {
      vectors.add(index, new float[] {2});
    }
    assertThat(index.search(new float[] {1}, 3).blocks()).containsExactly(1, 2, 3);
  }

  @Test
  void severalThreadsFindTheSame() {
    Random random = new Random(4);
    int dimension = 16;
    int k = 10;
    Vectors vectors = new Vectors(space());
    try (BlockIndex index = vectors.index(dimension)) {
      for (int block = 0; block < 6000; block++) {
        vectors.add(index, vector(random, dimension, 1));
      }
      for (int query = 0; query < 30; query++) {
        float[] asked = vector(random, dimension, 1);
        int[] best =
            IntStream.range(0, vectors.kept.size())
                .boxed()
                .sorted(
                    Comparator.comparingDouble(
                        block -> -VectorUtil.dotProduct(asked, vectors.kept.get(block))))
                .limit(k)
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
        assertThat(index.search(asked, k).blocks()).isEqualTo(best);
      }
    }
  }

  private static float[] vector(Random random, int dimension, float scale) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = scale * (float) random.nextGaussian();
    }
    return vector;
  }

  /** The vectors behind an index, and how often they were looked up. */
  private static final class Vectors {

    final AtomicInteger looks = new AtomicInteger();
    private final List<float[]> kept = new ArrayList<>();
    private final CodeSpace space;

    Vectors(CodeSpace space) {
      this.space = space;
    }

    BlockIndex index(int dimension) {
      return new ExactIndex(
          dimension,
          (block, to) -> {
            looks.incrementAndGet();
            System.arraycopy(kept.get(block), 0, to, 0, to.length);
          },
          space,
          WORKERS);
    }

    void add(BlockIndex index, float[] vector) {
      kept.add(vector);
      index.add(vector);
    }
  }
}
