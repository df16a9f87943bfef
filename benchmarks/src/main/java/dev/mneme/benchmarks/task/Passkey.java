package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;

/**
 * A pass key in the wording of landmark attention (Mohtashami and Jaggi 2023, arXiv:2305.16300): a
 * five-digit key between two runs of filler text. A unit is a character of the filler.
 *
 * <p>The filler is cut to characters, and the one after the key starts again from its first
 * sentence. What differs from the original: the key may start with a zero, so it is compared as a
 * string; the depth is given, not drawn; and the prompt is as long as it may be within a length in
 * tokens.
 */
final class Passkey implements TaskTemplate {

  private static final String INTRO =
      "There is an important info hidden inside a lot of irrelevant text. Find it and memorize"
          + " them. I will quiz you about the important information there.\n";
  private static final String SHORTEST_SENTENCE = " Here we go.";
  private static final String PERIOD = Vocabulary.NOISE + " ";
  private static final int KEYS = 100_000;

  @Override
  public String taskName() {
    return "passkey";
  }

  @Override
  public int leastUnits() {
    return 0;
  }

  @Override
  public int slack(ToIntFunction<String> tokens) {
    return tokens.applyAsInt(SHORTEST_SENTENCE);
  }

  @Override
  public int maxNewTokens() {
    return 10;
  }

  @Override
  public Scoring scoring() {
    return Scoring.FIRST_NUMBER;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    String key = String.format(Locale.ROOT, "%05d", random.nextInt(KEYS));
    int before = (int) Math.round(depth * units);
    return new Haystack(INTRO)
        .add(filler(before) + "\n")
        .needle("The pass key is " + key + ". Remember it. " + key + " is the pass key.")
        .add("\n" + filler(units - before))
        .ask("\nWhat is the pass key?", " The pass key is", List.of(key));
  }

  /** The first {@code characters} of the filler repeated with single spaces between. */
  private static String filler(int characters) {
    return PERIOD.repeat(characters / PERIOD.length() + 1).substring(0, characters);
  }
}
