package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;

/**
 * InfiniteBench's retrieval of a number from lines of noise (Zhang et al. 2024, arXiv:2402.13718),
 * with its wording for base models, which begins the answer. A unit is a line.
 */
enum NumberTemplate implements TaskTemplate {
  /** Five random digits. */
  PASSKEY("passkey-infinitebench", "Find it and memorize it.", "pass key", 6),
  /** Ten digits: five, and then five times one of those that are there once more beside itself. */
  NUMBER_STRING("number", "Find it.", "sequence of digits", 12);

  private static final int DIGITS = 5;

  private final String taskName;
  private final String intro;
  private final String thing;
  private final int maxNewTokens;

  NumberTemplate(String taskName, String find, String thing, int maxNewTokens) {
    this.taskName = taskName;
    this.thing = thing;
    this.maxNewTokens = maxNewTokens;
    intro =
        "There is an important info hidden inside a lot of irrelevant text. "
            + find
            + " I will quiz you about the important information.\n\n";
  }

  @Override
  public String taskName() {
    return taskName;
  }

  @Override
  public int slack(ToIntFunction<String> tokens) {
    return tokens.applyAsInt(Vocabulary.NOISE + "\n");
  }

  /** Those of the published harness and four more, as small models may begin with a line break. */
  @Override
  public int maxNewTokens() {
    return maxNewTokens + 4;
  }

  @Override
  public Scoring scoring() {
    return Scoring.FIRST_NUMBER;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    StringBuilder key = new StringBuilder();
    while (key.length() < DIGITS) {
      key.append((char) ('0' + random.nextInt(10)));
    }
    while (this == NUMBER_STRING && key.length() < 2 * DIGITS) {
      int twice = random.nextInt(key.length());
      key.insert(twice, key.charAt(twice));
    }
    String needle = "The %1$s is %2$s. Remember it. %2$s is the %1$s.".formatted(thing, key);
    int at = Haystack.at(depth, units + 1);
    return new Haystack(intro)
        .lines("\n", units + 1, place -> place == at ? needle : Vocabulary.NOISE, at)
        .ask(
            "\n\n\nWhat is the " + thing + "?",
            "\n\nThe " + thing + " is",
            List.of(key.toString()));
  }
}
