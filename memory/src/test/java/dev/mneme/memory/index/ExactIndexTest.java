package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactIndexTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void findsWhatSortingFinds(long seed) {
    Random random = new Random(seed);
    int dimension = 1 + random.nextInt(70);
    int size = random.nextInt(200);
    int k = random.nextInt(30);
    float[] query = vector(random, dimension);
    ExactIndex index = new ExactIndex(dimension);
    List<double[]> scored = new ArrayList<>();
    for (int block = 0; block < size; block++) {
      float[] representative = vector(random, dimension);
      index.add(representative);
      double score = 0;
      for (int i = 0; i < dimension; i++) {
        score += (double) query[i] * representative[i];
      }
      scored.add(new double[] {block, score});
    }
    scored.sort(Comparator.comparingDouble((double[] hit) -> -hit[1]));
    List<double[]> expected = new ArrayList<>(scored.subList(0, Math.min(k, size)));
    expected.sort(Comparator.comparingDouble((double[] hit) -> hit[0]));

    Hits hits = index.search(query, k);

    assertThat(hits.blocks())
        .containsExactly(expected.stream().mapToInt(hit -> (int) hit[0]).toArray());
    for (int i = 0; i < expected.size(); i++) {
      assertThat((double) hits.scores()[i]).isCloseTo(expected.get(i)[1], within(1e-4));
    }
  }

  @Test
  void givesEqualScoresToTheLowestBlock() {
    ExactIndex index = new ExactIndex(1);
    for (float score : new float[] {1, 2, 2, 3, 2, 2}) {
      index.add(new float[] {score});
    }
    assertThat(index.search(new float[] {1}, 3).blocks()).containsExactly(1, 2, 3);
  }

  @Test
  void namesBothDimensions() {
    ExactIndex index = new ExactIndex(3);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.add(new float[4]))
        .withMessage("representative has another dimension than the index: 4, expected 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.search(new float[2], 1))
        .withMessage("query has another dimension than the index: 2, expected 3");
  }

  private static float[] vector(Random random, int dimension) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = (float) random.nextGaussian();
    }
    return vector;
  }
}
