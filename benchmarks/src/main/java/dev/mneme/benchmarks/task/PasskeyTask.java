package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Makes passkey prompts in the wording of landmark attention (Mohtashami and Jaggi 2023,
 * arXiv:2305.16300): a five-digit key between two runs of filler text.
 *
 * <p>The filler is cut to characters, and the one after the key starts again from its first
 * sentence. What differs from the original: the key may start with a zero, so it is compared as a
 * string; the depth is given, not drawn; and the prompt is as long as it may be within a length in
 * tokens. Thread-safe when the token counter is.
 */
public final class PasskeyTask implements RecallTask {

  /** The task's name in samples and results. */
  public static final String NAME = "passkey";

  private static final String INTRO =
      "There is an important info hidden inside a lot of irrelevant text. Find it and memorize"
          + " them. I will quiz you about the important information there.";
  private static final String FILLER =
      "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
  private static final String SHORTEST_SENTENCE = " Here we go.";
  private static final String QUESTION = "\nWhat is the pass key?";
  private static final String ANSWER_PREFIX = " The pass key is";
  private static final int MAX_NEW_TOKENS = 10;
  private static final int KEYS = 100_000;

  private final ToIntFunction<String> tokens;

  /**
   * Makes prompts whose lengths are measured by {@code tokens}.
   *
   * @param tokens counts the tokens of a text, as the model will read it
   */
  public PasskeyTask(ToIntFunction<String> tokens) {
    this.tokens = tokens;
  }

  /** {@inheritDoc} What surrounds the key is counted in characters of the filler. */
  @Override
  public Sample sample(int length, double depth, long seed) {
    LongestPrompt.checkDepth(depth);
    String key = key(seed);
    int filler =
        LongestPrompt.units(
            characters -> tokens.applyAsInt(sample("", key, depth, characters).prompt()),
            0,
            length,
            tokens.applyAsInt(SHORTEST_SENTENCE),
            (double) FILLER.length() / tokens.applyAsInt(FILLER));
    String id = String.format(Locale.ROOT, "%s-%d-%.3f-%d", NAME, length, depth, seed);
    return sample(id, key, depth, filler);
  }

  private static Sample sample(String id, String key, double depth, int fillerCharacters) {
    int before = (int) Math.round(depth * fillerCharacters);
    String head = INTRO + "\n" + filler(before) + "\n";
    String needle = "The pass key is " + key + ". Remember it. " + key + " is the pass key.";
    return new Sample(
        id,
        NAME,
        head + needle + "\n" + filler(fillerCharacters - before),
        QUESTION,
        ANSWER_PREFIX,
        List.of(key),
        MAX_NEW_TOKENS,
        depth,
        new Span(head.length(), head.length() + needle.length()));
  }

  /** The first {@code characters} of the filler repeated with single spaces between. */
  private static String filler(int characters) {
    String period = FILLER + " ";
    return period.repeat(characters / period.length() + 1).substring(0, characters);
  }

  private static String key(long seed) {
    RandomGenerator random =
        RandomGeneratorFactory.<RandomGenerator>of("L64X128MixRandom").create(seed);
    return String.format(Locale.ROOT, "%05d", random.nextInt(KEYS));
  }
}
