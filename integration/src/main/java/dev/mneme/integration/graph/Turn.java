package dev.mneme.integration.graph;

import dev.mneme.integration.graph.Elements.Term;
import dev.mneme.integration.graph.Elements.Wave;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rotation that elements of a head are of: those of pair {@code (a, b)} are {@code magnitude *
 * (a cos - b sin)} and {@code magnitude * (b cos + a sin)}.
 *
 * @param interleaved whether pairs are neighbours, and not in either half of what turns
 * @param tabulated whether cosines and sines are columns of tables, and not of angles
 * @param pairs in order; together they are the first elements of the head
 */
record Turn(boolean interleaved, boolean tabulated, double magnitude, List<Pair> pairs) {

  /** What cosines may be. */
  static final Set<Wave> COSINES = Set.of(Wave.COSINE, Wave.COLUMN);

  /** What sines may be. */
  static final Set<Wave> SINES = Set.of(Wave.SINE, Wave.COLUMN);

  /** The angles or columns by which the two elements of a pair take part in each other. */
  record Pair(int cosine, int sine, int otherCosine, int otherSine) {}

  /** The rotation of elements, or null if they are of none. */
  static @Nullable Turn of(Elements elements) {
    List<List<Term>> sums = elements.sums();
    int turning = 0;
    while (turning < sums.size() && sums.get(turning).size() == 2) {
      turning++;
    }
    for (int i = turning; i < sums.size(); i++) {
      if (!sums.get(i).equals(List.of(Term.element(i)))) {
        return null;
      }
    }
    int half = turning / 2;
    if (turning == 0 || turning % 2 != 0) {
      return null;
    }
    boolean interleaved =
        half > 1 && sums.getFirst().stream().anyMatch(term -> term.element() == 1);
    Term first = term(sums.getFirst(), 0, COSINES);
    if (first == null || !(first.factor() > 0)) {
      return null;
    }
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < half; i++) {
      int a = interleaved ? 2 * i : i;
      int b = interleaved ? a + 1 : a + half;
      Pair pair =
          pair(
              first,
              term(sums.get(a), a, COSINES),
              term(sums.get(a), b, SINES),
              term(sums.get(b), b, COSINES),
              term(sums.get(b), a, SINES));
      if (pair == null) {
        return null;
      }
      pairs.add(pair);
    }
    return new Turn(interleaved, first.wave() == Wave.COLUMN, first.factor(), pairs);
  }

  /**
   * The rotation by a cosine and a sine for each pair, or null if they are of different magnitude.
   */
  static @Nullable Turn of(boolean interleaved, List<Term> cosines, List<Term> sines) {
    Term first = cosines.getFirst();
    if (sines.size() != cosines.size() || !(first.factor() > 0)) {
      return null;
    }
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < cosines.size(); i++) {
      Term cosine = cosines.get(i);
      Term sine = sines.get(i);
      Pair pair = pair(first, cosine, sine.scaled(-1), cosine, sine);
      if (pair == null) {
        return null;
      }
      pairs.add(pair);
    }
    return new Turn(interleaved, first.wave() == Wave.COLUMN, first.factor(), pairs);
  }

  private static @Nullable Pair pair(
      Term like,
      @Nullable Term cosine,
      @Nullable Term sine,
      @Nullable Term otherCosine,
      @Nullable Term otherSine) {
    if (cosine == null || sine == null || otherCosine == null || otherSine == null) {
      return null;
    }
    double magnitude = like.factor();
    boolean turns =
        cosine.factor() == magnitude
            && sine.factor() == -magnitude
            && otherCosine.factor() == magnitude
            && otherSine.factor() == magnitude;
    boolean alike =
        cosine.wave() == like.wave()
            && otherCosine.wave() == like.wave()
            && sine.wave() == otherSine.wave()
            && (sine.wave() == Wave.COLUMN) == (like.wave() == Wave.COLUMN);
    return turns && alike
        ? new Pair(cosine.angle(), sine.angle(), otherCosine.angle(), otherSine.angle())
        : null;
  }

  private static @Nullable Term term(List<Term> sum, int element, Set<Wave> waves) {
    return sum.stream()
        .filter(term -> term.element() == element && waves.contains(term.wave()))
        .findFirst()
        .orElse(null);
  }
}
