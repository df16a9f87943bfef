package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every block index must do. */
interface BlockIndexContract {

  /** An empty index. */
  BlockIndex open(int dimension);

  /** Least share of the best blocks that it finds among {@link #recall clustered vectors}. */
  double leastRecall();

  /** Bytes that a vector takes in memory at least. */
  default long leastBytes(int dimension) {
    return dimension;
  }

  @Test
  default void isEmptyAtFirst() {
    try (BlockIndex index = open(3)) {
      assertThat(index.dimension()).isEqualTo(3);
      assertThat(index.size()).isZero();
      assertThat(index.search(new float[3], 5).blocks()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  default void findsInFewBlocksWhatSortingFinds(long seed) {
    Random random = new Random(seed);
    int dimension = 1 + random.nextInt(70);
    int size = random.nextInt(60);
    int k = random.nextInt(70);
    float[] query = gaussian(random, dimension);
    float[][] vectors = new float[size][];
    try (BlockIndex index = open(dimension)) {
      for (int block = 0; block < size; block++) {
        vectors[block] = gaussian(random, dimension);
        index.add(vectors[block]);
        assertThat(index.size()).isEqualTo(block + 1);
      }
      assertHits(index.search(query, k), vectors, query, k, best(vectors, query, k));
    }
  }

  @Test
  default void forksGoTheirOwnWays() {
    float[][] vectors = {{1}, {2}, {3}, {4}};
    try (BlockIndex index = open(1)) {
      index.add(vectors[0]);
      index.add(vectors[1]);
      try (BlockIndex fork =
          index.fork((block, to) -> System.arraycopy(vectors[block], 0, to, 0, 1))) {
        index.add(new float[] {-1});
        fork.add(vectors[2]);
        assertThat(index.search(new float[] {1}, 2).blocks()).containsExactly(0, 1);
        assertThat(index.search(new float[] {-1}, 1).blocks()).containsExactly(2);
        assertThat(fork.search(new float[] {1}, 2).blocks()).containsExactly(1, 2);
        assertThat(fork.size()).isEqualTo(3);
      }
      assertThat(index.size()).isEqualTo(3);
    }
  }

  @Test
  default void forksKeepTheirBlocksHoweverManyTheOriginAdds() {
    float[][] vectors = {{1}, {2}, {3}};
    try (BlockIndex index = open(1)) {
      index.add(vectors[0]);
      index.add(vectors[1]);
      try (BlockIndex fork =
          index.fork((block, to) -> System.arraycopy(vectors[block], 0, to, 0, 1))) {
        for (int block = 2; block < 300; block++) {
          index.add(new float[] {100 + block});
        }
        fork.add(vectors[2]);
        assertHits(
            fork.search(new float[] {1}, 3),
            vectors,
            new float[] {1},
            3,
            best(vectors, new float[] {1}, 3));
      }
    }
  }

  /**
   * Clusters around a common mean, with norms that differ by a factor of up to three, as keys are;
   * queries are drawn from elsewhere. Sizes are past whatever an index scans as a whole.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  default void recall(long seed) {
    Random random = new Random(seed);
    int dimension = 24;
    int size = 1500;
    int k = 8;
    int queries = 50;
    float[] mean = gaussian(random, dimension);
    float[][] centres = new float[40][];
    for (int i = 0; i < centres.length; i++) {
      centres[i] = sum(mean, gaussian(random, dimension), 1);
    }
    float[][] vectors = new float[size][];
    try (BlockIndex index = open(dimension)) {
      int found = 0;
      for (int block = 0; block < size; block++) {
        float[] centre = centres[random.nextInt(centres.length)];
        float[] vector = sum(centre, gaussian(random, dimension), 0.4f);
        float length = 1 + 2 * random.nextFloat();
        for (int i = 0; i < dimension; i++) {
          vector[i] *= length;
        }
        vectors[block] = vector;
        index.add(vector);
      }
      for (int query = 0; query < queries; query++) {
        float[] vector = gaussian(random, dimension);
        int[] best = best(vectors, vector, k);
        Hits hits = index.search(vector, k);
        assertHits(hits, vectors, vector, k, hits.blocks());
        found += (int) Arrays.stream(best).filter(block -> contains(hits, block)).count();
      }
      assertThat(found / (double) (k * queries))
          .as("recall, seed %d", seed)
          .isGreaterThanOrEqualTo(leastRecall());
    }
  }

  @Test
  default void findsWhatWasJustAdded() {
    Random random = new Random(4);
    try (BlockIndex index = open(2)) {
      for (int block = 0; block < 700; block++) {
        index.add(new float[] {1 + block, random.nextFloat()});
        assertThat(index.search(new float[] {1, 0}, 1).blocks()).containsExactly(block);
      }
    }
  }

  @Test
  default void givesEqualScoresToTheLowestBlock() {
    try (BlockIndex index = open(1)) {
      for (float score : new float[] {1, 2, 2, 3, 2, 2}) {
        index.add(new float[] {score});
      }
      assertThat(index.search(new float[] {1}, 3).blocks()).containsExactly(1, 2, 3);
    }
  }

  /** Copies, whose graph need not hang together: as many are found as were asked for. */
  @Test
  default void findsAsManyAsAskedForAmongEqualBlocks() {
    float[][] vectors = new float[600][];
    Arrays.fill(vectors, new float[] {3, 4});
    try (BlockIndex index = open(2)) {
      for (float[] vector : vectors) {
        index.add(vector.clone());
      }
      for (int k : new int[] {1, 8, 599, 600, 1000}) {
        float[] query = {2, 1};
        Hits hits = index.search(query, k);
        assertHits(hits, vectors, query, k, hits.blocks());
      }
    }
  }

  @Test
  default void findsZeroVectorsAndNegativeScores() {
    try (BlockIndex index = open(2)) {
      index.add(new float[2]);
      index.add(new float[] {-1, -2});
      index.add(new float[] {-2, -1});
      Hits hits = index.search(new float[] {1, 1.5f}, 2);
      assertThat(hits.blocks()).containsExactly(0, 2);
      assertThat(hits.scores()).containsExactly(0, -3.5f);
    }
  }

  @Test
  default void findsNothingForNoBlocks() {
    try (BlockIndex index = open(2)) {
      index.add(new float[] {1, 2});
      assertThat(index.search(new float[2], 0).blocks()).isEmpty();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.search(new float[2], -1))
          .withMessage("k must not be negative: -1");
    }
  }

  @Test
  default void namesBothDimensions() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open(0))
        .withMessage("dimension must be positive: 0");
    try (BlockIndex index = open(3)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.add(new float[4]))
          .withMessage("representative has another dimension than the index: 4, expected 3");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.search(new float[2], 1))
          .withMessage("query has another dimension than the index: 2, expected 3");
      assertThat(index.size()).isZero();
    }
  }

  /** At least a byte a channel, at most eight and the fixed cost of a graph. */
  @Test
  default void saysWhatItHolds() {
    Random random = new Random(6);
    int dimension = 300;
    int size = 1000;
    try (BlockIndex index = open(dimension)) {
      for (int block = 0; block < size; block++) {
        index.add(gaussian(random, dimension));
      }
      assertThat(index.residentBytes())
          .isBetween(size * leastBytes(dimension), size * (8L * dimension + 500));
    }
  }

  @Test
  default void isClosedOnce() {
    BlockIndex index = open(2);
    index.add(new float[] {1, 2});
    index.close();
    index.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> index.add(new float[2]))
        .withMessage("the index is closed");
    assertThatIllegalStateException()
        .isThrownBy(() -> index.search(new float[2], 1))
        .withMessage("the index is closed");
  }

  private static void assertHits(
      Hits hits, float[][] vectors, float[] query, int k, int[] expected) {
    assertThat(hits.blocks())
        .hasSize(Math.min(k, vectors.length))
        .isSorted()
        .doesNotHaveDuplicates()
        .containsExactly(expected);
    assertThat(hits.scores()).hasSameSizeAs(hits.blocks());
    for (int i = 0; i < expected.length; i++) {
      double score = product(vectors[expected[i]], query);
      assertThat((double) hits.scores()[i])
          .isCloseTo(score, within(1e-5 * (1 + Math.abs(score)) * query.length));
    }
  }

  private static boolean contains(Hits hits, int block) {
    return Arrays.binarySearch(hits.blocks(), block) >= 0;
  }

  /** The best blocks by sorting, ascending by number. */
  private static int[] best(float[][] vectors, float[] query, int k) {
    return IntStream.range(0, vectors.length)
        .boxed()
        .sorted(Comparator.comparingDouble(block -> -product(vectors[block], query)))
        .limit(k)
        .mapToInt(block -> block)
        .sorted()
        .toArray();
  }

  private static double product(float[] a, float[] b) {
    double product = 0;
    for (int i = 0; i < a.length; i++) {
      product += (double) a[i] * b[i];
    }
    return product;
  }

  private static float[] sum(float[] a, float[] b, float scale) {
    float[] sum = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      sum[i] = a[i] + scale * b[i];
    }
    return sum;
  }

  private static float[] gaussian(Random random, int dimension) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = (float) random.nextGaussian();
    }
    return vector;
  }
}
