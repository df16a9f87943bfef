package dev.mneme.benchmarks.task;

import dev.mneme.benchmarks.task.Haystack.Hidden;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * RULER's needles in a haystack (Hsieh et al. 2024, arXiv:2404.06654): sentences that give a number
 * or a UUID to a name or a UUID, and a question about one name or several. A unit is a line of the
 * haystack, or a word where it is prose.
 *
 * <p>Wording, numbers of seven digits and names of an adjective and a noun are RULER's. What
 * differs: prose is the user's or our own, as RULER's essays are not free; words are of lists of
 * our own; the depth of the first needle is given, not drawn; and the length is that of the prompt
 * without its answer.
 *
 * @param taskName RULER's name; {@code multikey} is its first task of several keys in noise
 * @param hay what the needles are hidden in
 * @param uuidKeys whether keys are UUIDs and not names
 * @param uuidValues whether values are UUIDs and not numbers
 * @param keys number of keys
 * @param values number of values of each key
 * @param queries number of keys asked about
 * @param prose the text for {@link Hay#PROSE}
 */
record Needles(
    String taskName,
    Hay hay,
    boolean uuidKeys,
    boolean uuidValues,
    int keys,
    int values,
    int queries,
    Prose prose)
    implements TaskTemplate {

  private static final int LEAST_NUMBER = 1_000_000;
  private static final int NUMBERS_END = 10_000_000;

  /** What needles are hidden in. */
  enum Hay {
    /** One line again and again. */
    NOISE,
    /** Sentences of a text. */
    PROSE,
    /** Sentences like the needle, of other keys. */
    NEEDLES
  }

  static Stream<Needles> all(Prose prose) {
    return Stream.of(
        new Needles("niah_single_1", Hay.NOISE, false, false, 1, 1, 1, prose),
        new Needles("niah_single_2", Hay.PROSE, false, false, 1, 1, 1, prose),
        new Needles("niah_single_3", Hay.PROSE, false, true, 1, 1, 1, prose),
        new Needles("niah_multikey_1", Hay.PROSE, false, false, 4, 1, 1, prose),
        new Needles("niah_multikey_2", Hay.NEEDLES, false, false, 1, 1, 1, prose),
        new Needles("niah_multikey_3", Hay.NEEDLES, true, true, 1, 1, 1, prose),
        new Needles("niah_multivalue", Hay.PROSE, false, false, 1, 4, 1, prose),
        new Needles("niah_multiquery", Hay.PROSE, false, false, 4, 1, 4, prose),
        new Needles("multikey", Hay.NOISE, false, false, 4, 1, 1, prose));
  }

  @Override
  public int leastUnits() {
    return hay == Hay.PROSE ? 100 : keys * values;
  }

  @Override
  public int slack(ToIntFunction<String> tokens) {
    return hay == Hay.NOISE ? tokens.applyAsInt(Vocabulary.NOISE + "\n") : 1;
  }

  @Override
  public int maxNewTokens() {
    return 128;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ALL;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<String> asked = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    List<Hidden> hidden = new ArrayList<>();
    for (int i = 0; i < keys; i++) {
      List<String> drawn = new ArrayList<>();
      while (drawn.size() < values) {
        drawn.add(value(words));
      }
      String key = key(words);
      if (i < queries) {
        asked.add(key);
        answers.addAll(drawn);
      }
      for (String value : drawn) {
        hidden.add(new Hidden(needle(key, value), i < queries));
      }
    }
    Haystack haystack = new Haystack(intro() + "\n");
    if (hay == Hay.PROSE) {
      List<String> sentences = prose.sentences(units);
      haystack.lines(
          " ",
          sentences.size(),
          sentences::get,
          Haystack.places(sentences.size(), depth, hidden, random));
    } else {
      haystack.lines(
          "\n",
          units,
          place -> hay == Hay.NOISE ? Vocabulary.NOISE : needle(key(words), value(words)),
          Haystack.places(units, depth, hidden, random));
    }
    String of = " for " + enumerated(asked) + " mentioned in the provided text";
    return plural()
        ? haystack.ask(
            "\nWhat are all the special magic " + kind() + "s" + of + "?",
            " The special magic " + kind() + "s" + of + " are",
            answers)
        : haystack.ask(
            "\nWhat is the special magic " + kind() + of + "?",
            " The special magic " + kind() + of + " is",
            answers);
  }

  private String intro() {
    return plural()
        ? "Some special magic %1$ss are hidden within the following text. Make sure to memorize it. I will quiz you about the %1$ss afterwards."
            .formatted(kind())
        : "A special magic %1$s is hidden within the following text. Make sure to memorize it. I will quiz you about the %1$s afterwards."
            .formatted(kind());
  }

  private boolean plural() {
    return values * queries > 1;
  }

  private String kind() {
    return uuidValues ? "uuid" : "number";
  }

  private String key(Vocabulary words) {
    return uuidKeys ? words.uuid() : words.name();
  }

  private String value(Vocabulary words) {
    return uuidValues ? words.uuid() : words.number(LEAST_NUMBER, NUMBERS_END);
  }

  private String needle(String key, String value) {
    return "One of the special magic " + kind() + "s for " + key + " is: " + value + ".";
  }

  private static String enumerated(List<String> keys) {
    return keys.size() == 1
        ? keys.getFirst()
        : String.join(", ", keys.subList(0, keys.size() - 1)) + ", and " + keys.getLast();
  }
}
