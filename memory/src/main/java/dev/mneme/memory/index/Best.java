package dev.mneme.memory.index;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.Arrays;

/**
 * The best of the blocks offered so far: a sorted list, since nearly all blocks lose against its
 * last entry. Of equal scores, the lowest block is the best.
 */
final class Best {

  private final int[] blocks;
  private final float[] scores;
  private int size;

  /** Keeps at most {@code k} blocks, which must be positive. */
  Best(int k) {
    blocks = new int[k];
    scores = new float[k];
    Arrays.fill(scores, Float.NEGATIVE_INFINITY);
  }

  void offer(int block, float score) {
    if (size == blocks.length && !beats(block, score, size - 1)) {
      return;
    }
    int rank = Math.min(size, blocks.length - 1);
    while (rank > 0 && beats(block, score, rank - 1)) {
      scores[rank] = scores[rank - 1];
      blocks[rank] = blocks[rank - 1];
      rank--;
    }
    blocks[rank] = block;
    scores[rank] = score;
    size = Math.min(size + 1, blocks.length);
  }

  /** Offers all of these. */
  void offer(Hits hits) {
    for (int i = 0; i < hits.blocks().length; i++) {
      offer(hits.blocks()[i], hits.scores()[i]);
    }
  }

  private boolean beats(int block, float score, int rank) {
    return score > scores[rank] || (score == scores[rank] && block < blocks[rank]);
  }

  /** The {@code k}-th largest score; negative infinity while there are fewer. */
  float least() {
    return scores[scores.length - 1];
  }

  /** The blocks kept, ascending by number. */
  Hits hits() {
    int[] sorted = Arrays.copyOf(blocks, size);
    Arrays.sort(sorted);
    float[] sortedScores = new float[size];
    for (int i = 0; i < size; i++) {
      sortedScores[Arrays.binarySearch(sorted, blocks[i])] = scores[i];
    }
    return new Hits(sorted, sortedScores);
  }
}
