package dev.mneme.benchmarks.task;

import dev.mneme.integration.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * A synthetic text for index measurements: sections of prose, records, key-value pairs and code,
 * each about a few things of its own, with sentences that recall facts of sections long past.
 *
 * <p>The filler of the passkey task would not do: its blocks are copies of each other, so whatever
 * an index finds among them is as good as the exact answer. Equal seeds give equal texts.
 */
public final class VariedText {

  private static final String[] NAMES =
      words(
          "Ada Bruno Clara Dmitri Elena Farid Greta Hugo Ines Jonas Kenji Leila Marek Nadia Omar"
              + " Priya Quentin Rosa Stefan Tamar Ulrich Vera Wanda Xavier Yusuf Zora");
  private static final String[] PLACES =
      words(
          "harbour orchard library foundry valley market lighthouse station monastery quarry"
              + " workshop garden archive bridge mill courthouse observatory island tavern canal");
  private static final String[] THINGS =
      words(
          "compass ledger lantern violin engine telescope letter map coin anchor clock vase sword"
              + " seed barrel mirror painting kettle loom saddle whistle prism rope drum");
  private static final String[] ADJECTIVES =
      words(
          "old silver broken quiet heavy narrow golden faded curious bitter hollow bright distant"
              + " gentle crooked frozen famous hidden wooden rapid");
  private static final String[] VERBS =
      words(
          "carried repaired sold buried painted borrowed described weighed forgot traded cleaned"
              + " opened copied polished returned measured studied hid found lost");
  private static final String[] REASONS =
      words(
          "flood wedding trial harvest storm election festival journey illness debt promise rumour"
              + " discovery quarrel famine fire");
  private static final String[] IDENTIFIERS =
      words(
          "buffer offset total cursor index window weight node parent queue token limit state"
              + " result input header");
  private static final String[] OPERATORS = {"+", "-", "*", "/", "%", "<<", "&"};

  private static final int CHARACTERS_PER_TOKEN = 4;

  private final SplittableRandom random;
  private final StringBuilder text = new StringBuilder();
  private final List<String> facts = new ArrayList<>();

  private VariedText(long seed) {
    random = new SplittableRandom(seed);
  }

  /** The first tokens of a text. */
  public static int[] tokens(Tokenizer tokenizer, long seed, int tokens) {
    int characters = tokens * CHARACTERS_PER_TOKEN;
    while (true) {
      int[] encoded = tokenizer.encode(of(seed, characters));
      if (encoded.length >= tokens) {
        return Arrays.copyOf(encoded, tokens);
      }
      characters *= 2;
    }
  }

  /** A text of at least {@code characters} characters. */
  public static String of(long seed, int characters) {
    VariedText varied = new VariedText(seed);
    while (varied.text.length() < characters) {
      varied.section();
    }
    return varied.text.toString();
  }

  /** As {@link #of}, of sentences alone. */
  public static String prose(long seed, int characters) {
    VariedText varied = new VariedText(seed);
    while (varied.text.length() < characters) {
      varied.prose();
    }
    return varied.text.toString();
  }

  private void section() {
    switch (random.nextInt(6)) {
      case 0 -> records();
      case 1 -> pairs();
      case 2 -> code();
      default -> prose();
    }
    text.append('\n');
  }

  private void prose() {
    String hero = pick(NAMES);
    String other = pick(NAMES);
    String place = pick(ADJECTIVES) + " " + pick(PLACES);
    String thing = pick(ADJECTIVES) + " " + pick(THINGS);
    for (int sentence = 12 + random.nextInt(20); sentence > 0; sentence--) {
      switch (random.nextInt(6)) {
        case 0 -> say("%s %s the %s near the %s.".formatted(hero, pick(VERBS), thing, place));
        case 1 ->
            say("After the %s, %s and %s never spoke of it.".formatted(pick(REASONS), hero, other));
        case 2 ->
            say(
                "In %d the %s was %s."
                    .formatted(1500 + random.nextInt(500), place, pick(ADJECTIVES)));
        case 3 ->
            say(
                "\"Why was the %s %s?\" asked %s. \"Because of the %s,\" said %s."
                    .formatted(thing, pick(VERBS), other, pick(REASONS), hero));
        case 4 -> {
          String of = "%s's %s".formatted(hero, pick(THINGS));
          int number = random.nextInt(10_000, 100_000);
          facts.add("The number of %s was %d.".formatted(of, number));
          say(facts.getLast());
        }
        default -> {
          if (facts.isEmpty()) {
            say("%s walked home from the %s.".formatted(hero, place));
          } else {
            say("Remember: %s".formatted(facts.get(random.nextInt(facts.size()))));
          }
        }
      }
    }
  }

  private void records() {
    String field = pick(THINGS).toUpperCase(Locale.ROOT);
    for (int line = 10 + random.nextInt(30); line > 0; line--) {
      say(
          "line %s-%s: %s is <%d>\n"
              .formatted(pick(ADJECTIVES), pick(THINGS), field, random.nextInt(50_000)));
    }
  }

  private void pairs() {
    text.append('{');
    for (int pair = 4 + random.nextInt(12); pair > 0; pair--) {
      say("\"%s\": \"%s\",\n".formatted(uuid(), uuid()));
    }
    text.append("}\n");
  }

  private void code() {
    for (int function = 1 + random.nextInt(4); function > 0; function--) {
      String name = pick(IDENTIFIERS);
      say("static int %s%d(int %s) {\n".formatted(pick(VERBS), random.nextInt(100), name));
      for (int line = 2 + random.nextInt(6); line > 0; line--) {
        say(
            "  int %s = %s %s %d;\n"
                .formatted(
                    pick(IDENTIFIERS),
                    pick(IDENTIFIERS),
                    OPERATORS[random.nextInt(OPERATORS.length)],
                    random.nextInt(1000)));
      }
      say("  return %s;\n}\n".formatted(name));
    }
  }

  private void say(String sentence) {
    text.append(sentence);
    if (!sentence.endsWith("\n")) {
      text.append(' ');
    }
  }

  private String uuid() {
    return new UUID(random.nextLong(), random.nextLong()).toString();
  }

  private String pick(String[] from) {
    return from[random.nextInt(from.length)];
  }

  private static String[] words(String list) {
    return list.split(" ");
  }
}
