package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Makes prompts of RULER's task {@code niah_multikey_1} (Hsieh et al. 2024, arXiv:2404.06654): four
 * sentences that give a number to a name, in a haystack, and a question about one of them. Whoever
 * finds a sentence of that form has not yet found the right one.
 *
 * <p>Wording, numbers of seven digits and names of an adjective and a noun are RULER's. What
 * differs: the haystack is RULER's noise, whose essays are not free; the depth of the sentence
 * asked about is given, not drawn; the words are of lists of our own; and the length is that of the
 * prompt without its answer. Thread-safe when the token counter is.
 */
public final class MultiKeyTask implements RecallTask {

  /** The task's name in samples and results. */
  public static final String NAME = "multikey";

  private static final String INTRO =
      "A special magic number is hidden within the following text. Make sure to memorize it. I will"
          + " quiz you about the number afterwards.";
  private static final String NOISE =
      "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
  private static final int NEEDLES = 4;
  private static final int MAX_NEW_TOKENS = 128;
  private static final int LEAST_NUMBER = 1_000_000;
  private static final int NUMBERS_END = 10_000_000;

  private static final List<String> ADJECTIVES =
      List.of(
          "amber", "brave", "calm", "dusty", "eager", "faint", "gentle", "hollow", "icy", "jolly",
          "keen", "lively", "mellow", "narrow", "odd", "plain", "quiet", "rapid", "silent", "tidy",
          "upper", "vivid", "warm", "young");
  private static final List<String> NOUNS =
      List.of(
          "anchor",
          "basket",
          "candle",
          "dragon",
          "engine",
          "forest",
          "garden",
          "harbor",
          "island",
          "jacket",
          "kettle",
          "ladder",
          "market",
          "needle",
          "orchard",
          "pencil",
          "quarry",
          "river",
          "saddle",
          "temple",
          "umbrella",
          "valley",
          "window",
          "yard");

  private final ToIntFunction<String> tokens;

  /**
   * Makes prompts whose lengths are measured by {@code tokens}.
   *
   * @param tokens counts the tokens of a text, as the model will read it
   */
  public MultiKeyTask(ToIntFunction<String> tokens) {
    this.tokens = tokens;
  }

  @Override
  public Sample sample(int length, double depth, long seed) {
    LongestPrompt.checkDepth(depth);
    int line = tokens.applyAsInt(NOISE + "\n");
    // As many lines as needles at least: their places are distinct.
    int lines =
        LongestPrompt.units(
            count -> tokens.applyAsInt(sample("", count, depth, seed).prompt()),
            NEEDLES,
            length,
            line,
            1.0 / line);
    String id = String.format(Locale.ROOT, "%s-%d-%.3f-%d", NAME, length, depth, seed);
    return sample(id, lines, depth, seed);
  }

  private static Sample sample(String id, int lines, double depth, long seed) {
    RandomGenerator random =
        RandomGeneratorFactory.<RandomGenerator>of("L64X128MixRandom").create(seed);
    Map<String, Integer> numbers = new LinkedHashMap<>();
    while (numbers.size() < NEEDLES) {
      int number = random.nextInt(LEAST_NUMBER, NUMBERS_END);
      if (!numbers.containsValue(number)) {
        numbers.putIfAbsent(draw(random, ADJECTIVES) + "-" + draw(random, NOUNS), number);
      }
    }
    List<String> keys = List.copyOf(numbers.keySet());
    String asked = keys.getFirst();
    Map<Integer, String> places = new TreeMap<>();
    places.put((int) Math.round(depth * lines), asked);
    while (places.size() < NEEDLES) {
      places.putIfAbsent(random.nextInt(lines + 1), keys.get(places.size()));
    }
    List<String> all = new ArrayList<>(List.of(INTRO));
    int start = 0;
    for (int place = 0; place <= lines; place++) {
      String key = places.get(place);
      if (key != null) {
        if (key.equals(asked)) {
          start = String.join("\n", all).length() + 1;
        }
        all.add(needle(key, numbers));
      }
      if (place < lines) {
        all.add(NOISE);
      }
    }
    String of = " special magic number for " + asked + " mentioned in the provided text";
    return new Sample(
        id,
        NAME,
        String.join("\n", all),
        "\nWhat is the" + of + "?",
        " The" + of + " is",
        List.of(String.valueOf(numbers.get(asked))),
        MAX_NEW_TOKENS,
        depth,
        new Span(start, start + needle(asked, numbers).length()));
  }

  private static String needle(String key, Map<String, Integer> numbers) {
    return "One of the special magic numbers for " + key + " is: " + numbers.get(key) + ".";
  }

  private static String draw(RandomGenerator random, List<String> words) {
    return words.get(random.nextInt(words.size()));
  }
}
