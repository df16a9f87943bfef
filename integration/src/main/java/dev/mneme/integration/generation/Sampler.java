package dev.mneme.integration.generation;

import static com.google.common.base.Preconditions.checkState;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Chooses the next token from logits, in the order of the Hugging Face library: repetition penalty,
 * forbidden sequences, temperature, top-k, top-p, draw. Not thread-safe: one sampler belongs to one
 * generation.
 */
public final class Sampler {

  private final GenerationOptions options;
  private final RandomGenerator random;
  private float[] scores = {};
  private boolean[] seen = {};

  /** Starts a sequence of choices. */
  public Sampler(GenerationOptions options) {
    this.options = options;
    random = RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed());
  }

  /**
   * Chooses a token.
   *
   * @param logits one float a vocabulary entry; not changed
   * @param history tokens before, prompt included, in its first {@code length} entries
   * @throws IllegalStateException if no logit is a number or every token is forbidden
   */
  public int next(float[] logits, int[] history, int length) {
    scores = scores.length == logits.length ? scores : new float[logits.length];
    System.arraycopy(logits, 0, scores, 0, logits.length);
    penalise(history, length);
    forbidRepeats(history, length);
    int best = argmax();
    if (options.temperature() == 0) {
      return best;
    }
    return draw(scores[best]);
  }

  private void penalise(int[] history, int length) {
    float penalty = options.repetitionPenalty();
    if (penalty == 1) {
      return;
    }
    seen = seen.length == scores.length ? seen : new boolean[scores.length];
    Arrays.fill(seen, false);
    for (int i = 0; i < length; i++) {
      int token = history[i];
      if (!seen[token]) {
        seen[token] = true;
        scores[token] = scores[token] > 0 ? scores[token] / penalty : scores[token] * penalty;
      }
    }
  }

  /** Rules out tokens that would complete a sequence that occurred before. */
  private void forbidRepeats(int[] history, int length) {
    int prefix = options.noRepeatNgram() - 1;
    if (prefix < 0) {
      return;
    }
    int last = length - prefix;
    for (int start = 0; start < last; start++) {
      if (Arrays.equals(history, start, start + prefix, history, last, length)) {
        scores[history[start + prefix]] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private int argmax() {
    int best = -1;
    for (int token = 0; token < scores.length; token++) {
      if (scores[token] > (best < 0 ? Float.NEGATIVE_INFINITY : scores[best])) {
        best = token;
      }
    }
    checkState(best >= 0, "no token can follow: every logit is NaN or ruled out");
    return best;
  }

  private int draw(float max) {
    int[] candidates = candidates();
    double[] weights = new double[candidates.length];
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.exp((scores[candidates[i]] - max) / (double) options.temperature());
      total += weights[i];
    }
    int count = nucleus(weights, total);
    double kept = 0;
    for (int i = 0; i < count; i++) {
      kept += weights[i];
    }
    double point = random.nextDouble() * kept;
    for (int i = 0; i < count - 1; i++) {
      point -= weights[i];
      if (point < 0) {
        return candidates[i];
      }
    }
    return candidates[count - 1];
  }

  /** Tokens that may be drawn, the most likely first, equals by their number. */
  private int[] candidates() {
    long[] keys = new long[scores.length];
    int count = 0;
    for (int token = 0; token < scores.length; token++) {
      if (scores[token] > Float.NEGATIVE_INFINITY) {
        keys[count++] = descending(scores[token]) << 32 | token;
      }
    }
    Arrays.sort(keys, 0, count);
    int kept = options.topK() == 0 ? count : Math.min(count, options.topK());
    int[] tokens = new int[kept];
    for (int i = 0; i < kept; i++) {
      tokens[i] = (int) keys[i];
    }
    return tokens;
  }

  /** An unsigned 31-bit key whose order is the opposite of the floats' order. */
  private static long descending(float score) {
    int bits = Float.floatToIntBits(score);
    int ascending = bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
    return ~ascending;
  }

  /** How many of the most likely tokens reach the probability {@code topP}. */
  private int nucleus(double[] weights, double total) {
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += weights[i];
      if (sum >= options.topP() * total) {
        return i + 1;
      }
    }
    return weights.length;
  }
}
