package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;

/**
 * RULER's frequent words ({@code fwe}; Hsieh et al. 2024, arXiv:2404.06654): coded words whose
 * frequencies fall with the square of their rank (Zipf), the most frequent being dots; ranks two to
 * four are asked for. A unit is a word of the text. What differs: the number of different words
 * follows from that of all words, not from the length in tokens. There is no needle and the depth
 * changes nothing.
 */
final class FrequentWords implements TaskTemplate {

  private static final double ZETA_2 = Math.PI * Math.PI / 6;
  private static final int LETTERS = 6;

  @Override
  public String taskName() {
    return "fwe";
  }

  @Override
  public int leastUnits() {
    return 50;
  }

  @Override
  public int maxNewTokens() {
    return 50;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ALL;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<String> all = new ArrayList<>();
    List<String> ranked = new ArrayList<>();
    for (int rank = 1; all.size() < units; rank++) {
      ranked.add(rank == 1 ? "..." : words.letters('a', LETTERS));
      int count = (int) (units / ZETA_2 / rank / rank);
      all.addAll(Collections.nCopies(Math.clamp(count, 1, units - all.size()), ranked.getLast()));
    }
    Collections.shuffle(all, Random.from(random));
    return new Haystack(
            "Read the following coded text and track the frequency of each coded word. Find the"
                + " three most frequently appeared coded words. ")
        .add(String.join(" ", all))
        .ask(
            "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the"
                + " three most frequently appeared words in the above coded text?",
            " Answer: According to the coded text above, the three most frequently appeared words"
                + " are:",
            ranked.subList(1, 4));
  }
}
