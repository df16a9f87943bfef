package dev.mneme.integration.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GenerationOptionsTest {

  @Test
  void everyValueReachesTheOptionsAndComesBack() {
    GenerationOptions options =
        GenerationOptions.builder()
            .maxTokens(7)
            .temperature(0.5)
            .topK(40)
            .topP(0.9)
            .repetitionPenalty(1.25)
            .noRepeatNgram(3)
            .seed(11)
            .stopStrings("\n", "User:")
            .stopTokens(Set.of(0, 2))
            .trace(true)
            .build();
    assertThat(options)
        .isEqualTo(
            new GenerationOptions(
                7,
                0.5,
                40,
                0.9,
                1.25,
                3,
                11,
                List.of("\n", "User:"),
                Optional.of(Set.of(0, 2)),
                true));
    assertThat(options.toBuilder().build()).isEqualTo(options);
    assertThat(GenerationOptions.defaults())
        .isEqualTo(
            new GenerationOptions(256, 0, 0, 1, 1, 0, 0, List.of(), Optional.empty(), false));
  }

  @ParameterizedTest
  @MethodSource("impossible")
  void refusesByName(UnaryOperator<GenerationOptions.Builder> change, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> change.apply(GenerationOptions.builder()).build())
        .withMessage(message);
  }

  static Stream<Arguments> impossible() {
    return Stream.of(
        refused(b -> b.maxTokens(0), "maxTokens must be positive: 0"),
        refused(b -> b.temperature(-0.1), "temperature must be finite and not negative: -0.1"),
        refused(b -> b.temperature(Double.NaN), "temperature must be finite and not negative: NaN"),
        refused(b -> b.topK(-1), "topK must not be negative: -1"),
        refused(b -> b.topP(0), "topP must be above 0 and at most 1: 0.0"),
        refused(b -> b.topP(1.01), "topP must be above 0 and at most 1: 1.01"),
        refused(b -> b.repetitionPenalty(0), "repetitionPenalty must be positive and finite: 0.0"),
        refused(b -> b.noRepeatNgram(-1), "noRepeatNgram must not be negative: -1"),
        refused(b -> b.stopStrings("a", ""), "stopStrings must not contain the empty string"),
        refused(b -> b.stopTokens(Set.of(-3)), "stopTokens must not be negative: -3"));
  }

  private static Arguments refused(
      UnaryOperator<GenerationOptions.Builder> change, String message) {
    return Arguments.of(change, message);
  }
}
