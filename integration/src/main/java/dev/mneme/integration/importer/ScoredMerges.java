package dev.mneme.integration.importer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The merges of a BPE model that joins pieces as SentencePiece does: of all neighbours that
 * together are a piece, those of the highest score first.
 */
final class ScoredMerges {

  private final Map<String, Double> scores = new HashMap<>();

  /** Adds a piece that text can be made of. */
  void add(String piece, double score) {
    scores.put(piece, score);
  }

  /** Every way to make a piece of two others, in the order in which it is done. */
  List<Merge> list() {
    List<Merge> merges = new ArrayList<>();
    scores.forEach((piece, score) -> {
      for (int at = piece.offsetByCodePoints(0, 1);
          at < piece.length();
          at = piece.offsetByCodePoints(at, 1)) {
        Merge merge = new Merge(piece.substring(0, at), piece.substring(at), score);
        if (scores.containsKey(merge.left()) && scores.containsKey(merge.right())) {
          merges.add(merge);
        }
      }
    });
    merges.sort(
        Comparator.comparingDouble(Merge::score)
            .reversed()
            .thenComparing(merge -> merge.left() + merge.right())
            .thenComparingInt(merge -> merge.left().length()));
    return merges;
  }

  /**
   * Two neighbours that are joined.
   *
   * @param score of what they make
   */
  record Merge(String left, String right, double score) {}
}
