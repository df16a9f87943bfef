package dev.mneme.integration.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {

  private static final float EXCLUDED = Float.NEGATIVE_INFINITY;
  private static final int[] NO_HISTORY = {};

  @Test
  void greedyTakesTheHighestAndOfEqualOnesTheLowestId() {
    Sampler sampler = sampler(GenerationOptions.builder(), 4);
    assertThat(next(sampler, logits(1, 3, 2, 3))).isEqualTo(1);
    assertThat(next(sampler, logits(-2, -1, EXCLUDED, -1))).isEqualTo(1);
    assertThat(next(sampler, logits(-0f, 0f, 0f, -0f))).isZero();
  }

  @Test
  void readsTheBufferFromItsPositionAndLeavesItAsItIs() {
    FloatBuffer rows = logits(9, 9, 9, 1, 5, 2, 9).position(3).limit(6);
    FloatBuffer before = rows.duplicate();
    GenerationOptions.Builder penalised = GenerationOptions.builder().repetitionPenalty(10);
    assertThat(sampler(penalised, 3).next(rows, new int[] {1}, 1)).isEqualTo(2);
    assertThat(rows).isEqualTo(before);
    assertThat(rows.position()).isEqualTo(3);
    assertThat(rows.get(4)).isEqualTo(5);
  }

  @Test
  void repetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce() {
    Sampler sampler = sampler(GenerationOptions.builder().repetitionPenalty(2), 3);
    // 4 / 2 = 2 < 2.5; were the two occurrences counted twice, 4 / 4 would lose to 1.5 as well.
    assertThat(next(sampler, logits(4, 2.5f, 0), 0)).isEqualTo(1);
    assertThat(next(sampler, logits(4, 1.5f, 0), 0, 0)).isZero();
    assertThat(next(sampler, logits(-1, -1.5f, EXCLUDED), 0)).isEqualTo(1);
    assertThat(next(sampler, logits(-1, -2.5f, EXCLUDED), 0)).isZero();
    // Each call starts afresh.
    assertThat(next(sampler, logits(4, 2.5f, 0), 1)).isZero();
  }

  @Test
  void onlyTheGivenLengthOfTheHistoryCounts() {
    Sampler sampler = sampler(GenerationOptions.builder().repetitionPenalty(2).noRepeatNgram(1), 3);
    assertThat(sampler.next(logits(3, 2, 1), new int[] {1, 0, 2}, 1)).isZero();
    assertThat(sampler.next(logits(3, 2, 1), new int[] {1, 0, 2}, 2)).isEqualTo(2);
  }

  @Test
  void noRepeatNgramExcludesWhatWouldCompleteOneAgain() {
    Sampler trigrams = sampler(GenerationOptions.builder().noRepeatNgram(3), 5);
    FloatBuffer falling = logits(5, 4, 3, 2, 1);
    // 1 2 has been followed by 0 and by 1.
    assertThat(next(trigrams, falling, 1, 2, 0, 1, 2, 1, 3, 1, 2)).isEqualTo(2);
    assertThat(next(trigrams, falling, 1, 2)).isZero();
    assertThat(next(trigrams, falling, 0)).isZero();
    assertThat(next(trigrams, falling, 0, 0)).isZero();
    assertThat(next(trigrams, falling, 0, 0, 0)).isEqualTo(1);
    Sampler unigrams = sampler(GenerationOptions.builder().noRepeatNgram(1), 5);
    assertThat(next(unigrams, falling, 0, 1, 3)).isEqualTo(2);
    Sampler bigrams = sampler(GenerationOptions.builder().noRepeatNgram(2), 5);
    assertThat(next(bigrams, falling, 4, 0, 4, 1, 4)).isEqualTo(2);
  }

  @Test
  void drawsInProportionToTheTemperedProbabilities() {
    double[] expected = softmax(2, 1.0, 0.0, -1.0, 0.5);
    double[] shares = shares(GenerationOptions.builder().temperature(2), logits(1, 0, -1, 0.5f));
    for (int token = 0; token < expected.length; token++) {
      assertThat(shares[token]).isCloseTo(expected[token], within(0.015));
    }
  }

  @Test
  void topKDrawsFromTheHighestOnly() {
    double[] shares =
        shares(GenerationOptions.builder().temperature(1).topK(2), logits(1, 2, 0, 2.5f));
    double[] expected = softmax(1, 2, 2.5);
    assertThat(shares[0]).isZero();
    assertThat(shares[2]).isZero();
    assertThat(shares[1]).isCloseTo(expected[0], within(0.015));
    assertThat(shares[3]).isCloseTo(expected[1], within(0.015));
    double[] ties = shares(GenerationOptions.builder().temperature(1).topK(2), logits(1, 1, 1, 1));
    assertThat(ties[0] + ties[1]).isEqualTo(1);
    double[] one = shares(GenerationOptions.builder().temperature(9).topK(1), logits(1, 2, 0, 2));
    assertThat(one).containsExactly(0, 1, 0, 0);
  }

  @Test
  void topPDrawsFromTheFewestThatReachIt() {
    // Probabilities 0.5, 0.25, 0.125, 0.125 of tokens 2, 0, 1, 3.
    FloatBuffer logits = logits(ln(0.25), ln(0.125), ln(0.5), ln(0.125));
    GenerationOptions.Builder options = GenerationOptions.builder().temperature(1);
    assertThat(shares(options.topP(0.4), logits)).containsExactly(0, 0, 1, 0);
    double[] two = shares(options.topP(0.7), logits);
    assertThat(two[2]).isCloseTo(2 / 3.0, within(0.015));
    assertThat(two[0]).isCloseTo(1 / 3.0, within(0.015));
    double[] three = shares(options.topP(0.8), logits);
    assertThat(three[1]).isCloseTo(0.125 / 0.875, within(0.015));
    assertThat(three[3]).isZero();
    // Top-p measures what top-k has left: of 2 / 3 and 1 / 3 the first suffices.
    assertThat(shares(options.topK(2).topP(0.66), logits)).containsExactly(0, 0, 1, 0);
    assertThat(shares(options.topK(0).topP(1), logits)[3]).isCloseTo(0.125, within(0.015));
  }

  @Test
  void excludedTokensAreNeverDrawn() {
    double[] shares =
        shares(GenerationOptions.builder().temperature(100), logits(EXCLUDED, 1, EXCLUDED, 1));
    assertThat(shares[1] + shares[3]).isEqualTo(1);
  }

  @Test
  void survivesExtremeValues() {
    assertThat(shares(GenerationOptions.builder().temperature(1e-300), logits(1, 2, 2e-3f, -1)))
        .containsExactly(0, 1, 0, 0);
    float huge = Float.MAX_VALUE;
    assertThat(shares(GenerationOptions.builder().temperature(1), logits(-huge, huge, 0, -huge)))
        .containsExactly(0, 1, 0, 0);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -7})
  void theSeedDecidesAllDraws(long seed) {
    GenerationOptions.Builder options = GenerationOptions.builder().temperature(1).seed(seed);
    FloatBuffer even = FloatBuffer.allocate(1000);
    int[] first = draws(sampler(options, 1000), even);
    assertThat(draws(sampler(options, 1000), even)).isEqualTo(first);
    assertThat(draws(sampler(options.seed(seed + 1), 1000), even)).isNotEqualTo(first);
  }

  /** Ranks as a plain sort does, over random logits with ties. */
  @Test
  void topKOfRandomLogitsIsTheTopOfASort() {
    Random random = new Random(5);
    for (int round = 0; round < 200; round++) {
      float[] logits = new float[50];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = random.nextInt(-20, 20) / 4f;
      }
      int k = 1 + random.nextInt(10);
      int[] expected =
          IntStream.range(0, 50)
              .boxed()
              .sorted((a, b) -> Float.compare(logits[b] + 0f, logits[a] + 0f))
              .limit(k)
              .mapToInt(token -> token)
              .toArray();
      Sampler sampler = sampler(GenerationOptions.builder().temperature(50).topK(k), 50);
      for (int draw = 0; draw < 20; draw++) {
        int token = next(sampler, FloatBuffer.wrap(logits));
        assertThat(expected).as("round %d", round).contains(token);
      }
    }
  }

  @Test
  void refusesByName() {
    Sampler sampler = sampler(GenerationOptions.builder().repetitionPenalty(2).noRepeatNgram(1), 2);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(1)))
        .withMessage("logits must be as many as the vocabulary: 1!=2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(1, Float.NaN)))
        .withMessage("logits must be finite: token 1 has NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(Float.NaN, 1)))
        .withMessage("logits must be finite: token 0 has NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(1, Float.POSITIVE_INFINITY)))
        .withMessage("logits must be finite: token 1 has Infinity");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(1, 1), 0, 1))
        .withMessage("no token remains: all are excluded");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> next(sampler, logits(1, 1), 2))
        .withMessage("history must hold ids from 0 to 1: 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.next(logits(1, 1), NO_HISTORY, 1))
        .withMessage("length must be from 0 to the history's 0: 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler(GenerationOptions.builder(), 0))
        .withMessage("vocabularySize must be positive: 0");
  }

  private static double[] shares(GenerationOptions.Builder options, FloatBuffer logits) {
    int rounds = 20_000;
    Sampler sampler = sampler(options.seed(3), logits.remaining());
    double[] shares = new double[logits.remaining()];
    for (int i = 0; i < rounds; i++) {
      shares[next(sampler, logits)]++;
    }
    for (int token = 0; token < shares.length; token++) {
      shares[token] /= rounds;
    }
    return shares;
  }

  private static int[] draws(Sampler sampler, FloatBuffer logits) {
    return IntStream.range(0, 20).map(i -> next(sampler, logits)).toArray();
  }

  private static double[] softmax(double temperature, double... logits) {
    double[] exp = Arrays.stream(logits).map(x -> Math.exp(x / temperature)).toArray();
    double sum = Arrays.stream(exp).sum();
    return Arrays.stream(exp).map(x -> x / sum).toArray();
  }

  private static float ln(double value) {
    return (float) Math.log(value);
  }

  private static Sampler sampler(GenerationOptions.Builder options, int vocabularySize) {
    return new Sampler(options.build(), vocabularySize);
  }

  private static FloatBuffer logits(float... logits) {
    return FloatBuffer.wrap(logits);
  }

  private static int next(Sampler sampler, FloatBuffer logits, int... history) {
    return sampler.next(logits, history, history.length);
  }
}
