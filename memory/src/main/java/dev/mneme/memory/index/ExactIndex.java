package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.lucene.util.VectorUtil;

/**
 * Scores every block: exact by construction, and the yardstick of any other index.
 *
 * <p>Costs {@code size * dimension} multiplications a search. Lucene's inner product uses SIMD
 * where the JVM was started with {@code --add-modules jdk.incubator.vector}.
 */
public final class ExactIndex implements BlockIndex {

  private final int dimension;
  private final List<float[]> representatives = new ArrayList<>();

  /** Makes an empty index for vectors of {@code dimension} channels. */
  public ExactIndex(int dimension) {
    checkArgument(dimension > 0, "dimension must be positive: %s", dimension);
    this.dimension = dimension;
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int size() {
    return representatives.size();
  }

  @Override
  public void add(float[] representative) {
    checkDimension("representative", representative);
    representatives.add(representative);
  }

  @Override
  public Hits search(float[] query, int k) {
    checkDimension("query", query);
    checkArgument(k >= 0, "k must not be negative: %s", k);
    int found = Math.min(k, size());
    if (found == 0) {
      return new Hits(new int[0], new float[0]);
    }
    // A sorted insertion list: most blocks lose against its last entry, so a scan costs one
    // comparison a block beside the inner product, and equal scores keep the earlier block.
    int[] blocks = new int[found];
    float[] scores = new float[found];
    Arrays.fill(scores, Float.NEGATIVE_INFINITY);
    for (int block = 0; block < size(); block++) {
      float score = VectorUtil.dotProduct(query, representatives.get(block));
      int rank = Math.min(block, found);
      while (rank > 0 && score > scores[rank - 1]) {
        rank--;
      }
      if (rank < found) {
        System.arraycopy(blocks, rank, blocks, rank + 1, found - rank - 1);
        System.arraycopy(scores, rank, scores, rank + 1, found - rank - 1);
        blocks[rank] = block;
        scores[rank] = score;
      }
    }
    return byBlock(blocks, scores);
  }

  private static Hits byBlock(int[] blocks, float[] scores) {
    int[] sorted = blocks.clone();
    Arrays.sort(sorted);
    float[] sortedScores = new float[scores.length];
    for (int i = 0; i < blocks.length; i++) {
      sortedScores[Arrays.binarySearch(sorted, blocks[i])] = scores[i];
    }
    return new Hits(sorted, sortedScores);
  }

  private void checkDimension(String name, float[] vector) {
    checkArgument(
        vector.length == dimension,
        "%s has another dimension than the index: %s, expected %s",
        name,
        vector.length,
        dimension);
  }
}
