package dev.mneme.benchmarks.task;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.mneme.benchmarks.task.KeyValueTask.Layout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KeyValueTaskTest {

  private static final Pattern TOKEN = Pattern.compile(" ?\\p{Alpha}+|[^\\p{Alpha}]");
  private static final Pattern PAIR = Pattern.compile("\"([0-9a-f-]{36})\": \"([0-9a-f-]{36})\"");

  @Test
  void writesThePromptOfLostInTheMiddle() {
    Sample sample = task(Layout.LOST_IN_THE_MIDDLE).ofPairs(3, 0.5, 7);
    List<String> pairs = pairs(sample);
    assertThat(sample.prompt())
        .isEqualTo(
            """
            Extract the value corresponding to the specified key in the JSON object below.

            JSON data:
            {%s,
             %s,
             %s}

            Key: "%s"
            Corresponding value:\
            """,
            pairs.get(0), pairs.get(1), pairs.get(2), pairs.get(1).substring(1, 37));
    assertThat(sample.id()).isEqualTo("kv-3pairs-0.500-7");
    assertThat(sample.task()).isEqualTo("kv");
    assertThat(sample.maxNewTokens()).isEqualTo(100);
    assertThat(sample.answerPrefix()).isEqualTo("Corresponding value:");
  }

  @Test
  void writesThePromptOfInfiniteBench() {
    Sample sample = task(Layout.INFINITE_BENCH).ofPairs(2, 0, 7);
    List<String> pairs = pairs(sample);
    assertThat(sample.context() + sample.question())
        .isEqualTo(
            """
            Extract the value corresponding to the specified key in the JSON object below.

            JSON data:
            {%s, %s}


            Key: "%s"
            """,
            pairs.get(0), pairs.get(1), pairs.get(0).substring(1, 37));
    assertThat(sample.answerPrefix()).isEqualTo("The value associated with the specified key is: ");
    assertThat(sample.id()).isEqualTo("kv-infinitebench-2pairs-0.000-7");
    assertThat(sample.task()).isEqualTo("kv-infinitebench");
    assertThat(sample.maxNewTokens()).isEqualTo(50);
  }

  @ParameterizedTest
  @EnumSource
  void isJsonOfRandomUuidsWhoseNeedleIsThePairAskedAbout(Layout layout) throws IOException {
    for (double depth : new double[] {0, 0.05, 0.3, 0.95, 1}) {
      Sample sample = task(layout).ofPairs(140, depth, 3);
      String json = sample.context().substring(sample.context().indexOf('{'));
      JsonNode object = new ObjectMapper().readTree(json);
      List<String> keys = new ArrayList<>();
      object.fieldNames().forEachRemaining(keys::add);
      String asked = keys.get((int) Math.round(depth * 139));

      assertThat(keys).hasSize(140).allMatch(key -> UUID.fromString(key).version() == 4);
      assertThat(keys).allMatch(key -> UUID.fromString(key).variant() == 2);
      assertThat(sample.question()).contains("Key: \"" + asked + "\"\n");
      assertThat(sample.answers()).containsExactly(object.get(asked).asText());
      assertThat(requireNonNull(sample.needle()).of(sample.context()))
          .isEqualTo("\"" + asked + "\": " + object.get(asked));
    }
  }

  @Test
  void theSeedDecidesThePairsAndTheDepthTheirOrder() {
    KeyValueTask task = task(Layout.LOST_IN_THE_MIDDLE);
    Sample first = task.ofPairs(20, 0, 3);
    Sample last = task.ofPairs(20, 1, 3);
    assertThat(last.question()).isEqualTo(first.question());
    assertThat(pairs(last)).containsExactlyInAnyOrderElementsOf(pairs(first));
    assertThat(task.ofPairs(20, 0, 3)).isEqualTo(first);
    assertThat(pairs(task.ofPairs(20, 0, 4))).doesNotContainAnyElementsOf(pairs(first));
  }

  @ParameterizedTest
  @CsvSource({"300, 0", "4096, 0.05", "4097, 0.4", "16384, 1"})
  void holdsAsManyPairsAsFit(int length, double depth) {
    KeyValueTask task = task(Layout.LOST_IN_THE_MIDDLE);
    Sample sample = task.sample(length, depth, 5);
    int pairs = pairs(sample).size();
    assertThat(tokens(sample.prompt())).isLessThanOrEqualTo(length);
    assertThat(tokens(task.ofPairs(pairs + 1, depth, 5).prompt())).isGreaterThan(length);
    assertThat(sample.prompt()).isEqualTo(task.ofPairs(pairs, depth, 5).prompt());
    assertThat(sample.id()).startsWith("kv-" + length + "-");
  }

  @Test
  void refusesWhatItCannotMake() {
    KeyValueTask task = task(Layout.LOST_IN_THE_MIDDLE);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(50, 0.5, 1))
        .withMessageMatching(
            "length must be at least the [0-9]+ tokens of the shortest prompt: 50");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.ofPairs(0, 0.5, 1))
        .withMessage("pairs must be positive: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.ofPairs(3, 1.5, 1))
        .withMessage("depth must be from 0 to 1: 1.5");
  }

  private static List<String> pairs(Sample sample) {
    return PAIR.matcher(sample.context()).results().map(pair -> pair.group()).toList();
  }

  private static KeyValueTask task(Layout layout) {
    return new KeyValueTask(layout, KeyValueTaskTest::tokens);
  }

  private static int tokens(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }
}
