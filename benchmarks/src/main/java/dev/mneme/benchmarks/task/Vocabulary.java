package dev.mneme.benchmarks.task;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** Draws words that tell things apart, each only once. Not thread-safe. */
final class Vocabulary {

  /** Filler of landmark attention, InfiniteBench and RULER. */
  static final String NOISE =
      "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

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
  private static final String CONSONANTS = "bdfgklmnprstvz";
  private static final String VOWELS = "aeiou";

  private final RandomGenerator random;
  private final Set<String> drawn = new HashSet<>();

  Vocabulary(RandomGenerator random) {
    this.random = random;
  }

  /** An adjective and a noun, and more adjectives where the two were drawn already. */
  String name() {
    String name = pick(ADJECTIVES) + "-" + pick(NOUNS);
    while (!drawn.add(name)) {
      name = pick(ADJECTIVES) + "-" + name;
    }
    return name;
  }

  /** A word of two-letter syllables that is in no dictionary, but by chance. */
  String coined(int syllables) {
    return unused(() -> repeated(syllables, () -> letter(CONSONANTS) + letter(VOWELS)));
  }

  /** Letters from {@code first} on. */
  String letters(char first, int count) {
    return unused(() -> repeated(count, () -> String.valueOf((char) (first + random.nextInt(26)))));
  }

  /** A number. */
  String number(int least, int end) {
    return unused(() -> String.valueOf(random.nextInt(least, end)));
  }

  /** Digits, the first of which may be 0. */
  String digits(int count) {
    return unused(() -> repeated(count, () -> String.valueOf(random.nextInt(10))));
  }

  /** Draws until something comes that was not drawn before. */
  private String unused(Supplier<String> draw) {
    String word = draw.get();
    while (!drawn.add(word)) {
      word = draw.get();
    }
    return word;
  }

  private static String repeated(int count, Supplier<String> part) {
    StringBuilder word = new StringBuilder();
    for (int i = 0; i < count; i++) {
      word.append(part.get());
    }
    return word.toString();
  }

  private String letter(String letters) {
    return String.valueOf(letters.charAt(random.nextInt(letters.length())));
  }

  /** A UUID of version 4: random but for the bits that say so (RFC 9562). */
  String uuid() {
    long high = (random.nextLong() & ~0xf000L) | 0x4000L;
    long low = (random.nextLong() & ~(3L << 62)) | (1L << 63);
    return new UUID(high, low).toString();
  }

  private String pick(List<String> words) {
    return words.get(random.nextInt(words.size()));
  }
}
