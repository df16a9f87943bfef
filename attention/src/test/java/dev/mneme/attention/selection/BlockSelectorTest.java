package dev.mneme.attention.selection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.index.Fusion;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Ten blocks of one channel, of which 2 and 7 score best, then 5. */
class BlockSelectorTest {

  private static final float[] SCORES = {0, 0.1f, 9, 0.2f, 0.3f, 5, 0.4f, 8, 0.5f, 0.6f};
  private static final float[] QUERY = {1};

  private static BlockSelector selector(Optional<Fusion> fusion, int neighbours) {
    BlockSelector selector =
        new BlockSelector(
            new ExactIndex(1, (block, to) -> to[0] = SCORES[block]), 1, 1, 1, fusion, neighbours);
    for (float score : SCORES) {
      selector.add(new float[] {score});
    }
    return selector;
  }

  @Test
  void neighboursComeWithTheBestBlocks() {
    try (BlockSelector selector = selector(Optional.empty(), 1)) {
      Hits chosen = selector.choose(QUERY, Hits.NONE, 5);
      assertThat(chosen.blocks()).containsExactly(1, 2, 3, 7, 8);
      assertThat(chosen.scores()).containsExactly(9, 9, 9, 8, 8);
      assertThat(selector.choose(QUERY, Hits.NONE, 10).blocks()).hasSize(10);
    }
  }

  @Test
  void wordsCountWhereTheyFindSomething() {
    try (BlockSelector selector = selector(Optional.of(new Fusion.ReciprocalRank()), 0)) {
      Hits words = new Hits(new int[] {0, 5}, new float[] {3, 4});
      assertThat(selector.choose(QUERY, words, 3).blocks()).containsExactly(0, 2, 5);
      assertThat(selector.choose(QUERY, Hits.NONE, 3).blocks()).containsExactly(2, 5, 7);
    }
  }
}
