package dev.mneme.integration.generation;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How text is generated: how each token is chosen, and when to stop.
 *
 * @param maxTokens most tokens to generate, at least 1
 * @param temperature divides the logits; 0 is greedy: the highest logit, of equal ones the lowest
 *     id
 * @param topK only the topK highest logits are drawn from; 0 for all
 * @param topP only the most probable tokens that together reach this probability are drawn from;
 *     above 0, up to 1 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that have
 *     occurred (Keskar et al. 2019, arXiv:1909.05858); 1 for none
 * @param noRepeatNgram no run of this many tokens occurs twice; 0 for no such rule
 * @param seed decides all draws: equal seeds and logits give equal tokens
 * @param stopStrings generation ends before the first of these in the text
 * @param stopTokens generation ends at any of these tokens; empty optional for the model's own end
 *     tokens, an empty set for none
 * @param trace whether the generation keeps which far blocks each token was read from
 */
public record GenerationOptions(
    int maxTokens,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    int noRepeatNgram,
    long seed,
    List<String> stopStrings,
    Optional<Set<Integer>> stopTokens,
    boolean trace) {

  /** Checks the values. */
  public GenerationOptions {
    stopStrings = List.copyOf(stopStrings);
    stopTokens = stopTokens.map(Set::copyOf);
    require(maxTokens >= 1, "maxTokens must be positive", maxTokens);
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "temperature must be finite and not negative",
        temperature);
    require(topK >= 0, "topK must not be negative", topK);
    require(topP > 0 && topP <= 1, "topP must be above 0 and at most 1", topP);
    require(
        repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
        "repetitionPenalty must be positive and finite",
        repetitionPenalty);
    require(noRepeatNgram >= 0, "noRepeatNgram must not be negative", noRepeatNgram);
    if (stopStrings.contains("")) {
      throw new IllegalArgumentException("stopStrings must not contain the empty string");
    }
    stopTokens
        .flatMap(tokens -> tokens.stream().filter(token -> token < 0).findFirst())
        .ifPresent(token -> require(false, "stopTokens must not be negative", token));
  }

  /** Greedy, 256 tokens at most, no penalties, the model's end tokens, no trace. */
  public static GenerationOptions defaults() {
    return builder().build();
  }

  /** A builder that holds the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that holds these values. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.maxTokens = maxTokens;
    builder.temperature = temperature;
    builder.topK = topK;
    builder.topP = topP;
    builder.repetitionPenalty = repetitionPenalty;
    builder.noRepeatNgram = noRepeatNgram;
    builder.seed = seed;
    builder.stopStrings = stopStrings;
    builder.stopTokens = stopTokens.orElse(null);
    builder.trace = trace;
    return builder;
  }

  private static void require(boolean holds, String rule, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(rule + ": " + value);
    }
  }

  /** Collects the values of {@link GenerationOptions}. Not thread-safe. */
  public static final class Builder {

    private int maxTokens = 256;
    private double temperature;
    private int topK;
    private double topP = 1;
    private double repetitionPenalty = 1;
    private int noRepeatNgram;
    private long seed;
    private List<String> stopStrings = List.of();
    private @Nullable Set<Integer> stopTokens;
    private boolean trace;

    private Builder() {}

    /** Sets {@link GenerationOptions#maxTokens()}, 256 by default. */
    public Builder maxTokens(int maxTokens) {
      this.maxTokens = maxTokens;
      return this;
    }

    /** Sets {@link GenerationOptions#temperature()}, 0 by default. */
    public Builder temperature(double temperature) {
      this.temperature = temperature;
      return this;
    }

    /** Sets {@link GenerationOptions#topK()}, 0 by default. */
    public Builder topK(int topK) {
      this.topK = topK;
      return this;
    }

    /** Sets {@link GenerationOptions#topP()}, 1 by default. */
    public Builder topP(double topP) {
      this.topP = topP;
      return this;
    }

    /** Sets {@link GenerationOptions#repetitionPenalty()}, 1 by default. */
    public Builder repetitionPenalty(double repetitionPenalty) {
      this.repetitionPenalty = repetitionPenalty;
      return this;
    }

    /** Sets {@link GenerationOptions#noRepeatNgram()}, 0 by default. */
    public Builder noRepeatNgram(int noRepeatNgram) {
      this.noRepeatNgram = noRepeatNgram;
      return this;
    }

    /** Sets {@link GenerationOptions#seed()}, 0 by default. */
    public Builder seed(long seed) {
      this.seed = seed;
      return this;
    }

    /** Sets {@link GenerationOptions#stopStrings()}, none by default. */
    public Builder stopStrings(String... stopStrings) {
      this.stopStrings = List.of(stopStrings);
      return this;
    }

    /** Sets {@link GenerationOptions#stopTokens()}, the model's end tokens by default. */
    public Builder stopTokens(Set<Integer> stopTokens) {
      this.stopTokens = stopTokens;
      return this;
    }

    /** Sets {@link GenerationOptions#trace()}, false by default. */
    public Builder trace(boolean trace) {
      this.trace = trace;
      return this;
    }

    /**
     * Returns the options.
     *
     * @throws IllegalArgumentException naming the value that is impossible
     */
    public GenerationOptions build() {
      return new GenerationOptions(
          maxTokens,
          temperature,
          topK,
          topP,
          repetitionPenalty,
          noRepeatNgram,
          seed,
          stopStrings,
          Optional.ofNullable(stopTokens),
          trace);
    }
  }
}
