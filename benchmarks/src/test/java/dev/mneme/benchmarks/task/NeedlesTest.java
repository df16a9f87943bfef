package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NeedlesTest {

  private static final String NOISE =
      "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
  private static final Pattern NEEDLE =
      Pattern.compile(
          "One of the special magic numbers for ([a-z]+(?:-[a-z]+)+) is: ([1-9][0-9]{6})\\.");
  private static final Pattern TOKEN = Pattern.compile(" ?\\p{Alpha}+|[^\\p{Alpha}]");

  @TempDir private Path folder;

  private final RecallTask task = task("multikey");

  @Test
  void writesRulersPrompt() {
    Sample sample = task.sample(1000, 0.5, 7);
    List<MatchResult> needles = NEEDLE.matcher(sample.prompt().context()).results().toList();
    String[] lines = sample.prompt().text().split("\n", -1);
    MatchResult asked =
        needles.stream()
            .filter(needle -> needle.group(2).equals(sample.prompt().answers().getFirst()))
            .findFirst()
            .orElseThrow();

    assertThat(lines[0])
        .isEqualTo(
            "A special magic number is hidden within the following text. Make sure to memorize it."
                + " I will quiz you about the number afterwards.");
    assertThat(Arrays.asList(lines).subList(1, lines.length - 1))
        .allMatch(line -> line.equals(NOISE) || NEEDLE.matcher(line).matches());
    assertThat(lines[lines.length - 1])
        .isEqualTo(
            "What is the special magic number for %1$s mentioned in the provided text? The special"
                + " magic number for %1$s mentioned in the provided text is",
            asked.group(1));
    assertThat(sample.id()).isEqualTo("multikey-1000-0.500-7");
    assertThat(sample.task()).isEqualTo("multikey");
    assertThat(sample.maxNewTokens()).isEqualTo(128);
    assertThat(needle(sample).of(sample.prompt().context())).isEqualTo(asked.group());
  }

  @Test
  void theFourNeedlesDiffer() {
    for (int seed = 0; seed < 200; seed++) {
      Sample sample = task.sample(600, 0.5, seed);
      List<MatchResult> needles = NEEDLE.matcher(sample.prompt().context()).results().toList();
      Set<String> keys = new HashSet<>();
      Set<String> numbers = new HashSet<>();
      needles.forEach(needle -> keys.add(needle.group(1)));
      needles.forEach(needle -> numbers.add(needle.group(2)));
      assertThat(needles).hasSize(4);
      assertThat(keys).hasSize(4);
      assertThat(numbers).hasSize(4);
    }
    assertThat(task.sample(600, 0.5, 3)).isEqualTo(task.sample(600, 0.5, 3));
    assertThat(task.sample(600, 0.5, 3).prompt().answers())
        .isNotEqualTo(task.sample(600, 0.5, 4).prompt().answers());
  }

  @ParameterizedTest
  @CsvSource({"400, 0", "4000, 0.05", "4000, 0.4", "16384, 0.95", "16385, 1"})
  void placesTheNeedleAtItsDepthWithinTheLength(int length, double depth) {
    Sample sample = task.sample(length, depth, 5);
    assertThat(tokens(sample.prompt().text())).isBetween(length - tokens(NOISE + "\n") + 1, length);
    int start = needle(sample).start();
    long before = count(sample.prompt().context().substring(0, start));
    assertThat(before).isEqualTo(Math.round(depth * count(sample.prompt().context())));
  }

  @Test
  void refusesWhatItCannotMake() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(100, 0.5, 1))
        .withMessageMatching(
            "length must be at least the [0-9]+ tokens of the shortest prompt: 100");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(1000, -0.5, 1))
        .withMessage("depth must be from 0 to 1: -0.5");
  }

  @Test
  void refusesMoreNeedlesThanThereAreSentences() throws IOException {
    Path file = Files.writeString(folder.resolve("log.txt"), "one two three ".repeat(500));
    RecallTask task = RecallTask.of("niah_multiquery", String::length, Prose.read(file));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.ofUnits(200, 0.5, 1))
        .withMessage("4 needles do not fit between 1 sentences");
  }

  @Test
  void asksForAllValuesOfOneKey() {
    Prompt prompt = task("niah_multivalue").sample(3000, 0.2, 7).prompt();
    String key = prompt.question().replaceAll(".* for | mentioned.*|\n", "");
    assertThat(prompt.context())
        .startsWith(
            "Some special magic numbers are hidden within the following text. Make sure to memorize"
                + " it. I will quiz you about the numbers afterwards.\n");
    assertThat(prompt.question() + prompt.answerPrefix())
        .isEqualTo(
            "\nWhat are all the special magic numbers for %1$s mentioned in the provided text? The special magic numbers for %1$s mentioned in the provided text are"
                .formatted(key));
    assertThat(prompt.answers()).hasSize(4);
    assertThat(texts(prompt))
        .containsExactlyInAnyOrderElementsOf(
            prompt.answers().stream()
                .map(v -> "One of the special magic numbers for " + key + " is: " + v + ".")
                .toList());
  }

  @Test
  void asksForSeveralKeysAtOnce() {
    Prompt prompt = task("niah_multiquery").sample(3000, 0.2, 7).prompt();
    assertThat(prompt.question()).containsPattern("for [a-z-]+, [a-z-]+, [a-z-]+, and [a-z-]+ m");
    assertThat(prompt.answers()).hasSize(4);
    assertThat(texts(prompt)).hasSize(4);
  }

  @Test
  void hidesOneNeedleAmongOthersOfItsKind() {
    Prompt prompt = task("niah_multikey_3").sample(4000, 0.5, 7).prompt();
    assertThat(prompt.context().lines().skip(1))
        .allMatch(line ->
            line.matches("One of the special magic uuids for [0-9a-f-]{36} is: [0-9a-f-]{36}\\."));
    assertThat(texts(prompt)).singleElement().asString().contains(prompt.answers().getFirst());
  }

  @Test
  void hidesNeedlesBetweenSentencesOfTheUsersText() throws IOException {
    Path text = Files.writeString(folder.resolve("a.txt"), "One cat sat. Two dogs  ran.\nNo end");
    Prose prose = Prose.read(folder);
    Prompt prompt =
        RecallTask.of("niah_single_3", NeedlesTest::tokens, prose).sample(2000, 0.5, 7).prompt();
    assertThat(text).exists();
    assertThat(prompt.context())
        .containsPattern("\nOne cat sat\\. Two dogs ran\\. No end One cat sat\\.")
        .containsPattern(
            "[.] One of the special magic uuids for [a-z-]+ is: [0-9a-f-]{36}\\. [A-Z]");
  }

  private static List<String> texts(Prompt prompt) {
    return prompt.needles().stream().map(needle -> needle.of(prompt.context())).toList();
  }

  private static RecallTask task(String name) {
    return RecallTask.of(name, NeedlesTest::tokens, Prose.BUILT_IN);
  }

  private static Span needle(Sample sample) {
    return sample.prompt().needles().getFirst();
  }

  private static long count(String text) {
    return text.lines().filter(NOISE::equals).count();
  }

  private static int tokens(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }
}
