package dev.mneme.benchmarks.task;

import dev.mneme.benchmarks.task.Haystack.Hidden;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * RULER's variable tracking ({@code vt}; Hsieh et al. 2024, arXiv:2404.06654): a value is given to
 * a variable, that to another and so on four times, in lines of noise; all five are asked for after
 * one worked example. A unit is a line of noise. The depth is where the chain begins; its other
 * links lie anywhere behind.
 */
final class VariableTracking implements TaskTemplate {

  private static final int LINKS = 5;
  private static final int EXAMPLE_LINES = 10;

  @Override
  public String taskName() {
    return "vt";
  }

  @Override
  public int leastUnits() {
    return LINKS;
  }

  @Override
  public int slack(ToIntFunction<String> tokens) {
    return tokens.applyAsInt(Vocabulary.NOISE + "\n");
  }

  @Override
  public int maxNewTokens() {
    return 30;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ALL;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    Prompt example = chain("", EXAMPLE_LINES, 0, false, words, random, 3);
    String shot = example.text() + String.join(" ", example.answers()) + "\n\n";
    return chain(shot, units, depth, true, words, random, 5);
  }

  private static Prompt chain(
      String start,
      int units,
      double depth,
      boolean asked,
      Vocabulary words,
      RandomGenerator random,
      int letters) {
    String value = words.number(10_000, 99_999);
    List<String> names = new ArrayList<>();
    while (names.size() < LINKS) {
      names.add(words.letters('A', letters));
    }
    // The first link leaves room for the others behind it.
    int first = (int) Math.round(depth * (units - LINKS + 1));
    List<Integer> places = new ArrayList<>(List.of(first));
    IntStream rest = random.ints(first + 1, units + 1).distinct().limit(LINKS - 1);
    rest.sorted().forEach(places::add);
    Map<Integer, Hidden> hidden = new TreeMap<>();
    for (int i = 0; i < LINKS; i++) {
      String of = i == 0 ? value : "VAR " + names.get(i - 1);
      hidden.put(places.get(i), new Hidden("VAR " + names.get(i) + " = " + of, asked));
    }
    return new Haystack(
            start
                + "Memorize and track the chain(s) of variable assignment hidden in the following"
                + " text.\n\n")
        .lines("\n", units, place -> Vocabulary.NOISE, hidden)
        .ask(
            "\nQuestion: Find all variables that are assigned the value %s in the text above."
                .formatted(value),
            (" Answer: According to the chain(s) of variable assignment in the text above, %d"
                    + " variables are assigned the value %s, they are: ")
                .formatted(LINKS, value),
            names);
  }
}
