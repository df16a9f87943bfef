package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SampleTest {

  @Test
  void promptIsTheThreePartsRaw() {
    assertThat(prompt(List.of("v"), new Span(0, 1)).text()).isEqualTo("a b\n q?The answer is ");
  }

  @Test
  void refusesByName() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> prompt(List.of(), new Span(0, 1)))
        .withMessage("answers must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> prompt(List.of("a", ""), new Span(0, 1)))
        .withMessage("answers must not contain the empty string");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> prompt(List.of("a"), new Span(0, 5)))
        .withMessage("needle must lie within the context: end 5, context 4 characters");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Span(3, 2))
        .withMessage("span must have 0 <= start <= end: start 3, end 2");
    refused("maxNewTokens must be positive: 0", 0, null);
    refused("depth must be from 0 to 1: -0.1", 1, -0.1);
    refused("depth must be from 0 to 1: NaN", 1, Double.NaN);
  }

  private static void refused(String message, int maxNewTokens, @Nullable Double depth) {
    Prompt prompt = prompt(List.of("a"), new Span(0, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Sample("1", "t", prompt, Scoring.WORD, maxNewTokens, depth))
        .withMessage(message);
  }

  private static Prompt prompt(List<String> answers, Span needle) {
    return new Prompt("a b\n", List.of(needle), " q?", "The answer is ", answers);
  }
}
