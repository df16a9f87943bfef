package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Makes prompts that ask for the value of one key among many in a JSON object, keys and values
 * being random UUIDs: nothing but the key itself tells the pair from the others.
 *
 * <p>Equal seeds give the same pair to ask about whatever the depth, and the same pairs around it.
 * The pair asked about lies at index {@code round(depth * (pairs - 1))}. Thread-safe when the token
 * counter is.
 */
public final class KeyValueTask implements RecallTask {

  /** Whose prompt it is, to the letter. */
  public enum Layout {
    /**
     * Lost in the Middle (Liu et al. 2023, arXiv:2307.03172): a pair a line; 75, 140 and 300 pairs
     * in the publication.
     */
    LOST_IN_THE_MIDDLE("kv", ",\n ", "\n\n", "Corresponding value:", 100),
    /** InfiniteBench (Zhang et al. 2024, arXiv:2402.13718): all pairs in a line. */
    INFINITE_BENCH(
        "kv-infinitebench", ", ", "\n\n\n", "The value associated with the specified key is: ", 50);

    private final String task;
    private final String between;
    private final String beforeQuestion;
    private final String answerPrefix;
    private final int maxNewTokens;

    Layout(
        String task, String between, String beforeQuestion, String answerPrefix, int maxNewTokens) {
      this.task = task;
      this.between = between;
      this.beforeQuestion = beforeQuestion;
      this.answerPrefix = answerPrefix;
      this.maxNewTokens = maxNewTokens;
    }

    /** The task's name in samples and results. */
    public String task() {
      return task;
    }
  }

  private static final String INTRO =
      "Extract the value corresponding to the specified key in the JSON object below.\n\n"
          + "JSON data:\n{";

  private final Layout layout;
  private final ToIntFunction<String> tokens;

  /**
   * Makes prompts of a layout whose lengths are measured by {@code tokens}.
   *
   * @param tokens counts the tokens of a text, as the model will read it
   */
  public KeyValueTask(Layout layout, ToIntFunction<String> tokens) {
    this.layout = layout;
    this.tokens = tokens;
  }

  @Override
  public Sample sample(int length, double depth, long seed) {
    LongestPrompt.checkDepth(depth);
    int pair = tokens.applyAsInt(random(seed).nextPair() + layout.between);
    int pairs =
        LongestPrompt.units(
            count -> tokens.applyAsInt(sample("", count, depth, seed).prompt()),
            1,
            length,
            1, // Pairs differ in tokens, so only counting tells whether one more fits.
            1.0 / pair);
    return sample(id(String.valueOf(length), depth, seed), pairs, depth, seed);
  }

  /**
   * Makes one sample of a number of pairs instead of a length.
   *
   * @param pairs at least 1
   * @param depth place of the pair asked about, from 0 (first) to 1 (last)
   * @param seed chooses the pairs
   */
  public Sample ofPairs(int pairs, double depth, long seed) {
    LongestPrompt.checkDepth(depth);
    if (pairs < 1) {
      throw new IllegalArgumentException("pairs must be positive: " + pairs);
    }
    return sample(id(pairs + "pairs", depth, seed), pairs, depth, seed);
  }

  private String id(String size, double depth, long seed) {
    return String.format(Locale.ROOT, "%s-%s-%.3f-%d", layout.task, size, depth, seed);
  }

  private Sample sample(String id, int pairs, double depth, long seed) {
    Random random = random(seed);
    Pair asked = random.nextPair();
    List<String> all = new ArrayList<>();
    for (int i = 1; i < pairs; i++) {
      all.add(random.nextPair().toString());
    }
    int at = (int) Math.round(depth * (pairs - 1));
    int start = INTRO.length();
    for (String pair : all.subList(0, at)) {
      start += pair.length() + layout.between.length();
    }
    all.add(at, asked.toString());
    return new Sample(
        id,
        layout.task,
        INTRO + String.join(layout.between, all) + "}",
        layout.beforeQuestion + "Key: \"" + asked.key + "\"\n",
        layout.answerPrefix,
        List.of(asked.value.toString()),
        layout.maxNewTokens,
        depth,
        new Span(start, start + asked.toString().length()));
  }

  private static Random random(long seed) {
    return new Random(RandomGeneratorFactory.<RandomGenerator>of("L64X128MixRandom").create(seed));
  }

  private record Pair(UUID key, UUID value) {
    @Override
    public String toString() {
      return "\"" + key + "\": \"" + value + "\"";
    }
  }

  private record Random(RandomGenerator generator) {

    Pair nextPair() {
      return new Pair(nextUuid(), nextUuid());
    }

    /** A UUID of version 4: random but for the bits that say so (RFC 9562). */
    UUID nextUuid() {
      long high = (generator.nextLong() & ~0xf000L) | 0x4000L;
      long low = (generator.nextLong() & ~(3L << 62)) | (1L << 63);
      return new UUID(high, low);
    }
  }
}
