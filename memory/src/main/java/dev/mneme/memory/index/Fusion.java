package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.Map;
import java.util.TreeMap;

/**
 * Merges the blocks that vectors found with those that words found.
 *
 * <p>Inner products and BM25 scores have no common scale, so either ranks or normalised scores are
 * added. A block that one side did not find gets nothing from it: both sides should be asked for
 * more blocks than are wanted in the end. Immutable.
 */
public sealed interface Fusion {

  /**
   * Merges two results.
   *
   * @return the {@code k} blocks with the largest sums, or all where there are fewer, ascending by
   *     block number with their sums as scores; equal sums go to the lowest block number
   */
  default Hits fuse(Hits vectors, Hits words, int k) {
    IndexChecks.count(k);
    Map<Integer, Float> sums = new TreeMap<>();
    addTo(sums, vectors, vectorShares(vectors));
    addTo(sums, words, wordShares(words));
    if (k == 0 || sums.isEmpty()) {
      return Hits.NONE;
    }
    Best best = new Best(Math.min(k, sums.size()));
    sums.forEach(best::offer);
    return best.hits();
  }

  /** What each block found by vectors contributes, in their order. */
  float[] vectorShares(Hits vectors);

  /** What each block found by words contributes, in their order. */
  float[] wordShares(Hits words);

  private static void addTo(Map<Integer, Float> sums, Hits hits, float[] shares) {
    for (int i = 0; i < shares.length; i++) {
      sums.merge(hits.blocks()[i], shares[i], Float::sum);
    }
  }

  /**
   * Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): a block's score is {@code sum over
   * both sides of 1 / (constant + rank)}, with ranks from 1. Looks at no score, so an outlier on
   * one side cannot outvote the other; a block found by both is nearly always before one found by
   * one.
   *
   * @param constant how little the first ranks stand out, 60 in the paper
   */
  record ReciprocalRank(int constant) implements Fusion {

    /** Checks the constant. */
    public ReciprocalRank {
      checkArgument(constant >= 0, "constant must not be negative: %s", constant);
    }

    /** With the paper's constant, 60. */
    public ReciprocalRank() {
      this(60);
    }

    @Override
    public float[] vectorShares(Hits vectors) {
      return shares(vectors);
    }

    @Override
    public float[] wordShares(Hits words) {
      return shares(words);
    }

    private float[] shares(Hits hits) {
      int[] byRank = hits.byRank();
      float[] shares = new float[byRank.length];
      for (int rank = 0; rank < byRank.length; rank++) {
        shares[byRank[rank]] = 1f / (constant + rank + 1);
      }
      return shares;
    }
  }

  /**
   * A convex combination of scores (Bruch, Gai and Ingber 2023, "An analysis of fusion functions
   * for hybrid retrieval"): {@code (1 - wordWeight) * v + wordWeight * w}. Words that match are
   * evidence by themselves, so {@code w} is the BM25 score over the largest one; an inner product
   * says nothing without the others, so {@code v} is {@code (score - least) / (largest - least)}
   * among the blocks found, and 1 where all are equal.
   *
   * @param wordWeight from 0, vectors alone, to 1, words alone
   */
  record WeightedScores(float wordWeight) implements Fusion {

    /** Checks the weight. */
    public WeightedScores {
      checkArgument(
          wordWeight >= 0 && wordWeight <= 1, "wordWeight must be from 0 to 1: %s", wordWeight);
    }

    @Override
    public float[] vectorShares(Hits vectors) {
      float least = Float.POSITIVE_INFINITY;
      for (float score : vectors.scores()) {
        least = Math.min(least, score);
      }
      return shares(vectors, least, 1 - wordWeight);
    }

    @Override
    public float[] wordShares(Hits words) {
      return shares(words, 0, wordWeight);
    }

    private static float[] shares(Hits hits, float least, float weight) {
      float largest = least;
      for (float score : hits.scores()) {
        largest = Math.max(largest, score);
      }
      float[] shares = new float[hits.scores().length];
      for (int i = 0; i < shares.length; i++) {
        float share = largest > least ? (hits.scores()[i] - least) / (largest - least) : 1;
        shares[i] = weight * share;
      }
      return shares;
    }
  }
}
