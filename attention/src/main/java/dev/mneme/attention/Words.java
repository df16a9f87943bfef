package dev.mneme.attention;

import dev.mneme.memory.index.Fusion;
import java.util.Optional;

/** Whether far blocks are also found by the words that they share with the text just read. */
public enum Words {
  /** By keys alone, as InfLLM does. */
  NONE,
  /** Ranks by keys and by words are fused: {@link Fusion.ReciprocalRank}. */
  RECIPROCAL_RANK,
  /** Scores of keys and of words are added: {@link Fusion.WeightedScores}. */
  WEIGHTED;

  /**
   * How both are merged; empty where words do not count.
   *
   * @param wordWeight of {@link #WEIGHTED}
   */
  Optional<Fusion> fusion(double wordWeight) {
    return switch (this) {
      case NONE -> Optional.empty();
      case RECIPROCAL_RANK -> Optional.of(new Fusion.ReciprocalRank());
      case WEIGHTED -> Optional.of(new Fusion.WeightedScores((float) wordWeight));
    };
  }
}
