package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PasskeyTest {

  private static final String INTRO =
      "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them."
          + " I will quiz you about the important information there.";
  private static final String FILLER =
      "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

  /** Splits like a tokenizer with single digits: words with their space, digits, marks. */
  private static final Pattern TOKEN = Pattern.compile(" ?\\p{Alpha}+|[^\\p{Alpha}]");

  private final RecallTask task = new RecallTask(new Passkey(), PasskeyTest::tokens);

  @Test
  void writesTheLandmarkLines() {
    Sample sample = new RecallTask(new Passkey(), String::length).sample(600, 0.5, 7);
    String key = sample.prompt().answers().getFirst();
    String[] lines = sample.prompt().text().split("\n", -1);
    int filler = lines[1].length() + lines[3].length();

    assertThat(lines)
        .containsExactly(
            INTRO,
            (FILLER + " " + FILLER + " " + FILLER).substring(0, Math.round(filler / 2f)),
            "The pass key is " + key + ". Remember it. " + key + " is the pass key.",
            (FILLER + " " + FILLER + " " + FILLER).substring(0, filler / 2),
            "What is the pass key? The pass key is");
    assertThat(sample.id()).isEqualTo("passkey-600-0.500-7");
    assertThat(sample.task()).isEqualTo("passkey");
    assertThat(sample.prompt().question()).isEqualTo("\nWhat is the pass key?");
    assertThat(sample.prompt().answerPrefix()).isEqualTo(" The pass key is");
    assertThat(sample.maxNewTokens()).isEqualTo(10);
    assertThat(sample.depth()).isEqualTo(0.5);
  }

  @Test
  void isOneExactStringWithoutFiller() {
    Sample sample = task.sample(tokens(withoutFiller("00000")), 0.3, 11);
    assertThat(sample.prompt().text())
        .isEqualTo(withoutFiller(sample.prompt().answers().getFirst()));
  }

  @ParameterizedTest
  @CsvSource({"200, 0.05", "1000, 0.5", "4096, 0.95", "20000, 0", "20001, 1", "131072, 0.35"})
  void isAsLongAsAskedToWithinASentence(int length, double depth) {
    Sample sample = task.sample(length, depth, 3);
    int sentence = tokens(" Here we go.");
    assertThat(tokens(sample.prompt().text())).isBetween(length - sentence + 1, length);
  }

  @ParameterizedTest
  @CsvSource({"1000, 0", "1000, 0.05", "4000, 0.33", "4000, 0.95", "4000, 1"})
  void placesTheNeedleAtItsDepth(int length, double depth) {
    Sample sample = task.sample(length, depth, 5);
    Span needle = needle(sample);
    String key = sample.prompt().answers().getFirst();
    assertThat(needle.of(sample.prompt().context()))
        .isEqualTo("The pass key is " + key + ". Remember it. " + key + " is the pass key.");
    int before = needle.start() - INTRO.length() - 2;
    int after = sample.prompt().context().length() - needle.end() - 1;
    assertThat(before).isEqualTo((int) Math.round(depth * (before + after)));
  }

  @Test
  void keysAreFiveDigitsThatTheSeedDecides() {
    List<String> keys =
        IntStream.range(0, 2000)
            .mapToObj(seed -> task.sample(200, 0.5, seed).prompt().answers().getFirst())
            .toList();
    assertThat(keys).allMatch(key -> key.matches("[0-9]{5}")).anyMatch(key -> key.startsWith("0"));
    assertThat(keys.stream().distinct().count()).isGreaterThan(1900);
    assertThat(task.sample(300, 0.25, 42)).isEqualTo(task.sample(300, 0.25, 42));
  }

  @Test
  void theKeyOccursInTheNeedleOnly() {
    Sample sample = task.sample(4000, 0.5, 9);
    Span needle = needle(sample);
    List<MatchResult> digits =
        Pattern.compile("[0-9]+").matcher(sample.prompt().text()).results().toList();
    assertThat(digits)
        .hasSize(2)
        .allMatch(found -> needle.start() <= found.start() && found.end() <= needle.end());
  }

  @Test
  void refusesWhatItCannotMake() {
    int least = tokens(withoutFiller("00000"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(least - 1, 0.5, 1))
        .withMessage(
            "length must be at least the %d tokens of the shortest prompt: %d", least, least - 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(1000, 1.5, 1))
        .withMessage("depth must be from 0 to 1: 1.5");
  }

  private static Span needle(Sample sample) {
    return sample.prompt().needles().getFirst();
  }

  private static int tokens(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }

  private static String withoutFiller(String key) {
    return INTRO
        + "\n\nThe pass key is "
        + key
        + ". Remember it. "
        + key
        + " is the pass key.\n\nWhat is the pass key? The pass key is";
  }
}
