package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The value of one key among many in a JSON object, keys and values being random UUIDs: nothing but
 * the key itself tells the pair from the others. A unit is a pair.
 *
 * <p>Equal seeds give the same object whatever the depth; the pair asked about lies at index {@code
 * round(depth * (pairs - 1))}.
 */
enum KeyValue implements TaskTemplate {
  /**
   * Lost in the Middle (Liu et al. 2023, arXiv:2307.03172): a pair a line; 75, 140 and 300 pairs in
   * the publication.
   */
  LOST_IN_THE_MIDDLE(
      "kv",
      "object below.\n\n",
      ",\n ",
      "\n\nKey: \"%s\"\n",
      "Corresponding value:",
      Scoring.CONTAINS_ANY,
      100),
  /** The same with the key in front of the object too, as its query-aware variant has it. */
  KEY_TWICE(
      "kv-twice",
      "object below.\n\nKey: \"%s\"\n\n",
      ",\n ",
      "\n\nKey: \"%s\"\n",
      "Corresponding value:",
      Scoring.CONTAINS_ANY,
      100),
  /** InfiniteBench (Zhang et al. 2024, arXiv:2402.13718): all pairs in a line. */
  INFINITE_BENCH(
      "kv-infinitebench",
      "object below.\n\n",
      ", ",
      "\n\n\nKey: \"%s\"\n",
      "The value associated with the specified key is: ",
      Scoring.WORD,
      50),
  /** InfLLM's harness for it, which names the key in the sentence in front of the object. */
  KEY_FIRST(
      "kv-keyfirst",
      "\"%s\" in the JSON object below.\n\n",
      ", ",
      "\n\n\nKey: \"%s\"\n",
      "The value associated with the specified key is: ",
      Scoring.WORD,
      100);

  private final String taskName;
  private final String intro;
  private final String between;
  private final String question;
  private final String answerPrefix;
  private final Scoring scoring;
  private final int maxNewTokens;

  KeyValue(
      String taskName,
      String intro,
      String between,
      String question,
      String answerPrefix,
      Scoring scoring,
      int maxNewTokens) {
    this.taskName = taskName;
    this.intro =
        "Extract the value corresponding to the specified key "
            + (intro.startsWith("\"") ? intro : "in the JSON " + intro)
            + "JSON data:\n{";
    this.between = between;
    this.question = question;
    this.answerPrefix = answerPrefix;
    this.scoring = scoring;
    this.maxNewTokens = maxNewTokens;
  }

  @Override
  public String taskName() {
    return taskName;
  }

  @Override
  public int maxNewTokens() {
    return maxNewTokens;
  }

  @Override
  public Scoring scoring() {
    return scoring;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<Pair> pairs = new ArrayList<>();
    while (pairs.size() < units) {
      pairs.add(new Pair(words.uuid(), words.uuid()));
    }
    int asked = Haystack.at(depth, units);
    String key = pairs.get(asked).key;
    return new Haystack(intro.formatted(key))
        .lines(between, units, place -> pairs.get(place).toString(), asked)
        .add("}")
        .ask(question.formatted(key), answerPrefix, List.of(pairs.get(asked).value));
  }

  private record Pair(String key, String value) {
    @Override
    public String toString() {
      return "\"" + key + "\": \"" + value + "\"";
    }
  }
}
