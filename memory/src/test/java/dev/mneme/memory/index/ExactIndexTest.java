package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactIndexTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void findsWhatSortingFinds(long seed) {
    Random random = new Random(seed);
    int dimension = 1 + random.nextInt(70);
    int size = random.nextInt(500);
    int k = random.nextInt(30);
    float[] common = vector(random, dimension, 20);
    float[] query = vector(random, dimension, 1);
    Vectors vectors = new Vectors();
    BlockIndex index = vectors.index(dimension);
    List<double[]> scored = new ArrayList<>();
    for (int block = 0; block < size; block++) {
      float[] representative = vector(random, dimension, 1);
      double score = 0;
      for (int i = 0; i < dimension; i++) {
        representative[i] += common[i];
        score += (double) query[i] * representative[i];
      }
      vectors.add(index, representative);
      scored.add(new double[] {block, score});
    }
    scored.sort(Comparator.comparingDouble((double[] hit) -> -hit[1]));
    List<double[]> expected = new ArrayList<>(scored.subList(0, Math.min(k, size)));
    expected.sort(Comparator.comparingDouble((double[] hit) -> hit[0]));

    Hits hits = index.search(query, k);

    assertThat(index.size()).isEqualTo(size);
    assertThat(hits.blocks())
        .containsExactly(expected.stream().mapToInt(hit -> (int) hit[0]).toArray());
    for (int i = 0; i < expected.size(); i++) {
      assertThat((double) hits.scores()[i]).isCloseTo(expected.get(i)[1], within(1e-3));
    }
  }

  @Test
  void looksUpFewVectors() {
    Random random = new Random(3);
    int dimension = 256;
    Vectors vectors = new Vectors();
    BlockIndex index = vectors.index(dimension);
    for (int block = 0; block < 1024; block++) {
      vectors.add(index, vector(random, dimension, 1));
    }
    index.search(vector(random, dimension, 1), 8);
    assertThat(vectors.looks.get()).isBetween(8, 200);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 200})
  void givesEqualScoresToTheLowestBlock(int others) {
    Vectors vectors = new Vectors();
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
  void namesBothDimensions() {
    BlockIndex index = new Vectors().index(3);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.add(new float[4]))
        .withMessage("representative has another dimension than the index: 4, expected 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(new float[2], 1))
        .withMessage("query has another dimension than the index: 2, expected 3");
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

    BlockIndex index(int dimension) {
      return new ExactIndex(
          dimension,
          (block, to) -> {
            looks.incrementAndGet();
            System.arraycopy(kept.get(block), 0, to, 0, to.length);
          });
    }

    void add(BlockIndex index, float[] vector) {
      kept.add(vector);
      index.add(vector);
    }
  }
}
