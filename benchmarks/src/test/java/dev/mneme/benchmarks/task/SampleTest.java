package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SampleTest {

  @Test
  void promptIsTheThreePartsRaw() {
    assertThat(sample(List.of("v"), 1, null, null).prompt()).isEqualTo("a b\n q?The answer is ");
  }

  @Test
  void anyAnswerThatOccursIsAHit() {
    Sample sample = sample(List.of("07143", "Paris"), 1, null, null);
    assertThat(sample.hit(" 07143. The")).isTrue();
    assertThat(sample.hit("\"Paris\".")).isTrue();
    assertThat(sample.hit(" 7143.")).isFalse();
    assertThat(sample.hit(" 0714 3")).isFalse();
    assertThat(sample.hit("paris")).isFalse();
    assertThat(sample.hit("")).isFalse();
  }

  @Test
  void refusesByName() {
    refused("answers must not be empty", List.of(), 1, null, null);
    refused("answers must not contain the empty string", List.of("a", ""), 1, null, null);
    refused("maxNewTokens must be positive: 0", List.of("a"), 0, null, null);
    refused("depth must be from 0 to 1: -0.1", List.of("a"), 1, -0.1, null);
    refused("depth must be from 0 to 1: NaN", List.of("a"), 1, Double.NaN, null);
    refused(
        "needle must lie within the context: end 5, context 4 characters",
        List.of("a"),
        1,
        null,
        new Span(0, 5));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Span(3, 2))
        .withMessage("span must have 0 <= start <= end: start 3, end 2");
  }

  private static void refused(
      String message,
      List<String> answers,
      int maxNewTokens,
      @Nullable Double depth,
      @Nullable Span needle) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sample(answers, maxNewTokens, depth, needle))
        .withMessage(message);
  }

  private static Sample sample(
      List<String> answers, int maxNewTokens, @Nullable Double depth, @Nullable Span needle) {
    return new Sample(
        "1", "t", "a b\n", " q?", "The answer is ", answers, maxNewTokens, depth, needle);
  }
}
