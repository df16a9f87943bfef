package dev.mneme.integration.generation;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How to continue a text. Immutable; the defaults are greedy.
 *
 * @param maxTokens most tokens to generate
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK sample among this many most likely tokens; 0 for all
 * @param topP sample among the fewest most likely tokens whose probabilities sum to this; 1 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred
 *     before (Keskar et al. 2019); 1 for none
 * @param noRepeatNgram forbids a token that would repeat a sequence of this length; 0 to allow
 * @param seed of the sampling
 * @param stopStrings texts that end the generation and are not given out
 * @param stopTokens tokens that end the generation and are not given out; null for the model's own
 */
public record GenerationOptions(
    int maxTokens,
    float temperature,
    int topK,
    float topP,
    float repetitionPenalty,
    int noRepeatNgram,
    long seed,
    List<String> stopStrings,
    @Nullable Set<Integer> stopTokens) {

  /** Checks the values. */
  public GenerationOptions {
    checkArgument(maxTokens > 0, "maxTokens must be positive: %s", maxTokens);
    checkArgument(
        Float.isFinite(temperature) && temperature >= 0,
        "temperature must be 0 or more and finite: %s",
        temperature);
    checkArgument(topK >= 0, "topK must not be negative: %s", topK);
    checkArgument(topP > 0 && topP <= 1, "topP must be above 0 and at most 1: %s", topP);
    checkArgument(
        Float.isFinite(repetitionPenalty) && repetitionPenalty > 0,
        "repetitionPenalty must be positive and finite: %s",
        repetitionPenalty);
    checkArgument(noRepeatNgram >= 0, "noRepeatNgram must not be negative: %s", noRepeatNgram);
    stopStrings = List.copyOf(stopStrings);
    checkArgument(!stopStrings.contains(""), "a stop string must not be empty");
    stopTokens = stopTokens == null ? null : Set.copyOf(stopTokens);
  }

  /** Greedy, at most 256 tokens, until the model ends the text. */
  public static GenerationOptions defaults() {
    return builder().build();
  }

  /** A builder that starts with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** Sets options by name; see {@link GenerationOptions} for what they mean. Not thread-safe. */
  public static final class Builder {

    private int maxTokens = 256;
    private float temperature;
    private int topK;
    private float topP = 1;
    private float repetitionPenalty = 1;
    private int noRepeatNgram;
    private long seed;
    private List<String> stopStrings = List.of();
    private @Nullable Set<Integer> stopTokens;

    private Builder() {}

    /** Sets the most tokens to generate. */
    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    /** Sets the temperature. */
    public Builder temperature(float value) {
      temperature = value;
      return this;
    }

    /** Sets how many of the most likely tokens are sampled from. */
    public Builder topK(int value) {
      topK = value;
      return this;
    }

    /** Sets the probability mass that is sampled from. */
    public Builder topP(float value) {
      topP = value;
      return this;
    }

    /** Sets the repetition penalty. */
    public Builder repetitionPenalty(float value) {
      repetitionPenalty = value;
      return this;
    }

    /** Sets the length of sequences that must not repeat. */
    public Builder noRepeatNgram(int value) {
      noRepeatNgram = value;
      return this;
    }

    /** Sets the seed of the sampling. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Sets the texts that end the generation. */
    public Builder stopStrings(String... values) {
      stopStrings = List.of(values);
      return this;
    }

    /** Sets the tokens that end the generation; none at all with an empty set. */
    public Builder stopTokens(Set<Integer> values) {
      stopTokens = values;
      return this;
    }

    /** Checks the options and makes them. */
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
          stopTokens);
    }
  }
}
