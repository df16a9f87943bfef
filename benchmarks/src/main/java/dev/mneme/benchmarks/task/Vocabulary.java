package dev.mneme.benchmarks.task;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
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
    String name = pick(ADJECTIVES) + "-" + noun();
    while (!drawn.add(name)) {
      name = pick(ADJECTIVES) + "-" + name;
    }
    return name;
  }

  /** A noun, which may have been drawn already. */
  String noun() {
    return pick(NOUNS);
  }

  /** A word of two-letter syllables that is in no dictionary, but by chance. */
  String coined(int syllables) {
    while (true) {
      StringBuilder word = new StringBuilder();
      for (int i = 0; i < syllables; i++) {
        word.append(CONSONANTS.charAt(random.nextInt(CONSONANTS.length())));
        word.append(VOWELS.charAt(random.nextInt(VOWELS.length())));
      }
      if (drawn.add(word.toString())) {
        return word.toString();
      }
    }
  }

  /** Letters from {@code first} on. */
  String letters(char first, int count) {
    while (true) {
      StringBuilder word = new StringBuilder();
      for (int i = 0; i < count; i++) {
        word.append((char) (first + random.nextInt(26)));
      }
      if (drawn.add(word.toString())) {
        return word.toString();
      }
    }
  }

  /** A number. */
  String number(int least, int end) {
    while (true) {
      String number = String.valueOf(random.nextInt(least, end));
      if (drawn.add(number)) {
        return number;
      }
    }
  }

  /** Digits, the first of which may be 0. */
  String digits(int count) {
    while (true) {
      StringBuilder digits = new StringBuilder();
      while (digits.length() < count) {
        digits.append((char) ('0' + random.nextInt(10)));
      }
      if (drawn.add(digits.toString())) {
        return digits.toString();
      }
    }
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
