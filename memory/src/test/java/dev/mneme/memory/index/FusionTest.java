package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.index.BlockIndex.Hits;
import org.junit.jupiter.api.Test;

class FusionTest {

  private static final Hits NONE = new Hits(new int[0], new float[0]);

  /** Ranks 2, 1, 3. */
  private static final Hits VECTORS = new Hits(new int[] {2, 5, 7}, new float[] {-3, 9, -5});

  /** Ranks 2, 1. */
  private static final Hits WORDS = new Hits(new int[] {3, 7}, new float[] {1, 4});

  @Test
  void reciprocalRanksAddUp() {
    Hits fused = new Fusion.ReciprocalRank().fuse(VECTORS, WORDS, 3);
    assertThat(fused.blocks()).containsExactly(2, 5, 7);
    assertThat(fused.scores())
        .containsExactly(new float[] {1f / 62, 1f / 61, 1f / 63 + 1f / 61}, within(1e-7f));
  }

  @Test
  void equalSumsGoToTheLowestBlock() {
    Hits fused = new Fusion.ReciprocalRank().fuse(VECTORS, WORDS, 4);
    assertThat(fused.blocks()).containsExactly(2, 3, 5, 7);
    Hits twins = new Hits(new int[] {4}, new float[] {1});
    assertThat(new Fusion.ReciprocalRank(0).fuse(VECTORS, twins, 1).blocks()).containsExactly(4);
    assertThat(new Fusion.ReciprocalRank(0).fuse(twins, VECTORS, 1).blocks()).containsExactly(4);
  }

  @Test
  void scoresAreNormalisedAndWeighted() {
    Hits fused = new Fusion.WeightedScores(0.25f).fuse(VECTORS, WORDS, 10);
    assertThat(fused.blocks()).containsExactly(2, 3, 5, 7);
    assertThat(fused.scores())
        .containsExactly(new float[] {0.75f * 2 / 14, 0.25f * 1 / 4, 0.75f, 0.25f}, within(1e-6f));
  }

  @Test
  void anEndOfTheWeightIsOneSideAlone() {
    assertThat(new Fusion.WeightedScores(0).fuse(VECTORS, WORDS, 2).blocks()).containsExactly(2, 5);
    assertThat(new Fusion.WeightedScores(1).fuse(VECTORS, WORDS, 2).blocks()).containsExactly(3, 7);
  }

  @Test
  void oneSideMayBeEmpty() {
    for (Fusion fusion :
        new Fusion[] {new Fusion.ReciprocalRank(), new Fusion.WeightedScores(0.5f)}) {
      assertThat(fusion.fuse(VECTORS, NONE, 2).blocks()).containsExactly(2, 5);
      assertThat(fusion.fuse(NONE, WORDS, 1).blocks()).containsExactly(7);
      assertThat(fusion.fuse(NONE, NONE, 3).blocks()).isEmpty();
      assertThat(fusion.fuse(VECTORS, WORDS, 0).blocks()).isEmpty();
    }
  }

  @Test
  void equalScoresCountInFull() {
    Hits equal = new Hits(new int[] {1, 2}, new float[] {-4, -4});
    assertThat(new Fusion.WeightedScores(0.5f).fuse(equal, NONE, 2).scores())
        .containsExactly(0.5f, 0.5f);
  }

  @Test
  void refusesWhatHasNoMeaning() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Fusion.ReciprocalRank(-1))
        .withMessage("constant must not be negative: -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Fusion.WeightedScores(Float.NaN))
        .withMessage("wordWeight must be from 0 to 1: NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Fusion.ReciprocalRank().fuse(VECTORS, WORDS, -1))
        .withMessage("k must not be negative: -1");
  }
}
