package dev.mneme.integration.generation;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Chooses the next token from logits.
 *
 * <p>Repetition penalty and n-gram rule change the logits first; then the highest is taken, or one
 * is drawn: temperature, top-k and top-p apply in this order, as in Hugging Face's {@code
 * generate}. Where logits are equal the lowest id comes first, also for top-k, which keeps no more
 * than k.
 *
 * <p>One instance serves one generation, because it goes on with its random numbers. It allocates
 * its arrays once. Not thread-safe.
 */
public final class Sampler {

  private final GenerationOptions options;
  private final RandomGenerator random;
  private final float[] scores;
  private final boolean[] penalised;
  private final long[] ranking;
  private final double[] weights;

  /**
   * A sampler at the start of its random numbers.
   *
   * @param options how to choose
   * @param vocabularySize number of logits, at least 1
   */
  public Sampler(GenerationOptions options, int vocabularySize) {
    if (vocabularySize < 1) {
      throw new IllegalArgumentException("vocabularySize must be positive: " + vocabularySize);
    }
    boolean draws = options.temperature() > 0;
    this.options = options;
    this.random =
        RandomGeneratorFactory.<RandomGenerator>of("L64X128MixRandom").create(options.seed());
    this.scores = new float[vocabularySize];
    this.penalised = new boolean[options.repetitionPenalty() == 1 ? 0 : vocabularySize];
    this.ranking = new long[draws ? vocabularySize : 0];
    this.weights = new double[draws ? vocabularySize : 0];
  }

  /**
   * Chooses a token.
   *
   * @param logits one logit a token id, from the buffer's position to its limit; not changed. Minus
   *     infinity excludes a token
   * @param history token ids so far, prompt included, oldest first
   * @param length number of ids in {@code history}
   * @return an id from 0 inclusive to the vocabulary size exclusive
   * @throws IllegalArgumentException when the number of logits is not the vocabulary size, a logit
   *     is NaN or infinite, an id of the history is not in the vocabulary, or no token remains
   */
  public int next(FloatBuffer logits, int[] history, int length) {
    if (logits.remaining() != scores.length) {
      throw new IllegalArgumentException(
          "logits must be as many as the vocabulary: %d!=%d"
              .formatted(logits.remaining(), scores.length));
    }
    if (length < 0 || length > history.length) {
      throw new IllegalArgumentException(
          "length must be from 0 to the history's %d: %d".formatted(history.length, length));
    }
    logits.get(logits.position(), scores);
    penaliseRepetition(history, length);
    excludeRepeatedNgrams(history, length);
    int best = highest();
    return options.temperature() > 0 ? draw(scores[best]) : best;
  }

  private void penaliseRepetition(int[] history, int length) {
    if (options.repetitionPenalty() == 1) {
      return;
    }
    float penalty = (float) options.repetitionPenalty();
    Arrays.fill(penalised, false);
    for (int i = 0; i < length; i++) {
      int token = inVocabulary(history[i]);
      if (!penalised[token]) {
        penalised[token] = true;
        scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty;
      }
    }
  }

  /** Excludes every token that has followed an occurrence of the last n - 1 tokens. */
  private void excludeRepeatedNgrams(int[] history, int length) {
    int n = options.noRepeatNgram();
    if (n == 0) {
      return;
    }
    int prefix = length - (n - 1);
    for (int start = 0; start + n <= length; start++) {
      int end = start + n - 1;
      if (Arrays.equals(history, start, end, history, prefix, length)) {
        scores[inVocabulary(history[end])] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private int highest() {
    int best = 0;
    for (int token = 0; token < scores.length; token++) {
      if (Float.isNaN(scores[token]) || scores[token] == Float.POSITIVE_INFINITY) {
        throw new IllegalArgumentException(
            "logits must be finite: token %d has %s".formatted(token, scores[token]));
      }
      if (scores[token] > scores[best]) {
        best = token;
      }
    }
    if (scores[best] == Float.NEGATIVE_INFINITY) {
      throw new IllegalArgumentException("no token remains: all are excluded");
    }
    return best;
  }

  private int draw(float highest) {
    int candidates = rank();
    if (options.topK() > 0) {
      candidates = Math.min(candidates, options.topK());
    }
    double total = 0;
    for (int rank = 0; rank < candidates; rank++) {
      double excess = (double) scores[tokenAt(rank)] - highest;
      weights[rank] = Math.exp(excess / options.temperature());
      total += weights[rank];
    }
    double kept = 0;
    int keep = 0;
    while (keep < candidates && (keep == 0 || kept < options.topP() * total)) {
      kept += weights[keep++];
    }
    double rest = random.nextDouble() * kept;
    int rank = 0;
    while (rank < keep - 1 && rest >= weights[rank]) {
      rest -= weights[rank++];
    }
    return tokenAt(rank);
  }

  /**
   * Sorts the tokens by falling score, then by rising id, as long values that have the score's
   * order in the upper half and the id in the lower.
   *
   * @return number of tokens that are not excluded
   */
  private int rank() {
    int candidates = 0;
    for (int token = 0; token < scores.length; token++) {
      if (scores[token] != Float.NEGATIVE_INFINITY) {
        // Subtracting from zero makes one of the two zeros.
        int bits = Float.floatToIntBits(0f - scores[token]);
        int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
        ranking[candidates++] = ((long) ascending << 32) | token;
      }
    }
    Arrays.sort(ranking, 0, candidates);
    return candidates;
  }

  private int tokenAt(int rank) {
    return (int) ranking[rank];
  }

  private int inVocabulary(int token) {
    if (token < 0 || token >= scores.length) {
      throw new IllegalArgumentException(
          "history must hold ids from 0 to %d: %d".formatted(scores.length - 1, token));
    }
    return token;
  }
}
