package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class VariedTextTest {

  @Test
  void equalSeedsGiveEqualTexts() {
    String text = VariedText.of(1, 5000);
    assertThat(text).hasSizeGreaterThanOrEqualTo(5000).isEqualTo(VariedText.of(1, 5000));
    assertThat(VariedText.of(2, 5000)).isNotEqualTo(text);
    assertThat(VariedText.of(1, 20_000)).startsWith(text);
  }

  /** Passages of the length of a block: hardly any comes twice. */
  @Test
  void passagesDiffer() {
    String[] passages = VariedText.of(3, 200_000).split("(?<=\\G.{200})");
    assertThat(Arrays.stream(passages).distinct().count())
        .isGreaterThan(passages.length * 99L / 100);
  }

  @Test
  void hasProseRecordsPairsAndCode() {
    assertThat(VariedText.of(4, 100_000))
        .containsPattern("\\n[A-Z][a-z]+ [a-z]+ the [a-z]+ [a-z]+ near the ")
        .containsPattern("line [a-z]+-[a-z]+: [A-Z]+ is <\\d+>\\n")
        .containsPattern("\"[0-9a-f-]{36}\": \"[0-9a-f-]{36}\",\\n")
        .containsPattern("static int [a-z]+\\d+\\([a-z]+ ")
        .containsPattern("Remember: The number of [A-Z][a-z]+'s [a-z]+ was \\d{5}\\.");
  }
}
