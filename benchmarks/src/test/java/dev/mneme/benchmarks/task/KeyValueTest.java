package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KeyValueTest {

  private static final Pattern TOKEN = Pattern.compile(" ?\\p{Alpha}+|[^\\p{Alpha}]");
  private static final Pattern PAIR = Pattern.compile("\"([0-9a-f-]{36})\": \"([0-9a-f-]{36})\"");

  @Test
  void writesThePromptOfLostInTheMiddle() {
    Sample sample = task(KeyValue.LOST_IN_THE_MIDDLE).ofUnits(3, 0.5, 7);
    List<String> pairs = pairs(sample);
    assertThat(sample.prompt().text())
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
    assertThat(sample.id()).isEqualTo("kv-3units-0.500-7");
    assertThat(sample.task()).isEqualTo("kv");
    assertThat(sample.maxNewTokens()).isEqualTo(100);
    assertThat(sample.prompt().answerPrefix()).isEqualTo("Corresponding value:");
  }

  @Test
  void writesThePromptOfInfiniteBench() {
    Sample sample = task(KeyValue.INFINITE_BENCH).ofUnits(2, 0, 7);
    List<String> pairs = pairs(sample);
    assertThat(sample.prompt().context() + sample.prompt().question())
        .isEqualTo(
            """
            Extract the value corresponding to the specified key in the JSON object below.

            JSON data:
            {%s, %s}


            Key: "%s"
            """,
            pairs.get(0), pairs.get(1), pairs.get(0).substring(1, 37));
    assertThat(sample.prompt().answerPrefix())
        .isEqualTo("The value associated with the specified key is: ");
    assertThat(sample.id()).isEqualTo("kv-infinitebench-2units-0.000-7");
    assertThat(sample.task()).isEqualTo("kv-infinitebench");
    assertThat(sample.maxNewTokens()).isEqualTo(50);
  }

  @ParameterizedTest
  @EnumSource
  void isJsonOfRandomUuidsWhoseNeedleIsThePairAskedAbout(KeyValue layout) throws IOException {
    for (double depth : new double[] {0, 0.05, 0.3, 0.95, 1}) {
      Sample sample = task(layout).ofUnits(140, depth, 3);
      String json = sample.prompt().context().substring(sample.prompt().context().indexOf('{'));
      JsonNode object = new ObjectMapper().readTree(json);
      List<String> keys = new ArrayList<>();
      object.fieldNames().forEachRemaining(keys::add);
      String asked = keys.get((int) Math.round(depth * 139));

      assertThat(keys).hasSize(140).allMatch(key -> UUID.fromString(key).version() == 4);
      assertThat(keys).allMatch(key -> UUID.fromString(key).variant() == 2);
      assertThat(sample.prompt().question()).contains("Key: \"" + asked + "\"\n");
      assertThat(sample.prompt().answers()).containsExactly(object.get(asked).asText());
      assertThat(needle(sample).of(sample.prompt().context()))
          .isEqualTo("\"" + asked + "\": " + object.get(asked));
    }
  }

  @Test
  void theSeedDecidesTheObjectAndTheDepthWhatIsAsked() {
    RecallTask task = task(KeyValue.LOST_IN_THE_MIDDLE);
    Sample first = task.ofUnits(20, 0, 3);
    Sample last = task.ofUnits(20, 1, 3);
    assertThat(last.prompt().context()).isEqualTo(first.prompt().context());
    assertThat(last.prompt().question()).isNotEqualTo(first.prompt().question());
    assertThat(task.ofUnits(20, 0, 3)).isEqualTo(first);
    assertThat(pairs(task.ofUnits(20, 0, 4))).doesNotContainAnyElementsOf(pairs(first));
  }

  @Test
  void twoVariantsSayTheKeyBeforehand() {
    Prompt twice = task(KeyValue.KEY_TWICE).ofUnits(4, 0.5, 1).prompt();
    String key = twice.question().substring(8, 44);
    assertThat(twice.context())
        .startsWith(
            "Extract the value corresponding to the specified key in the JSON object below.\n\n"
                + "Key: \"%s\"\n\nJSON data:\n{\"".formatted(key));
    Prompt first = task(KeyValue.KEY_FIRST).ofUnits(4, 0.5, 1).prompt();
    assertThat(first.context())
        .startsWith(
            "Extract the value corresponding to the specified key \"%s\" in the JSON object below.\n\nJSON data:\n{\""
                .formatted(key));
  }

  @ParameterizedTest
  @CsvSource({"300, 0", "4096, 0.05", "4097, 0.4", "16384, 1"})
  void holdsAsManyPairsAsFit(int length, double depth) {
    RecallTask task = task(KeyValue.LOST_IN_THE_MIDDLE);
    Sample sample = task.sample(length, depth, 5);
    int pairs = pairs(sample).size();
    assertThat(tokens(sample.prompt().text())).isLessThanOrEqualTo(length);
    assertThat(tokens(task.ofUnits(pairs + 1, depth, 5).prompt().text())).isGreaterThan(length);
    assertThat(sample.prompt().text()).isEqualTo(task.ofUnits(pairs, depth, 5).prompt().text());
    assertThat(sample.id()).startsWith("kv-" + length + "-");
  }

  @Test
  void refusesWhatItCannotMake() {
    RecallTask task = task(KeyValue.LOST_IN_THE_MIDDLE);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.sample(50, 0.5, 1))
        .withMessageMatching(
            "length must be at least the [0-9]+ tokens of the shortest prompt: 50");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.ofUnits(0, 0.5, 1))
        .withMessage("kv needs at least 1 units: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task.ofUnits(3, 1.5, 1))
        .withMessage("depth must be from 0 to 1: 1.5");
  }

  private static Span needle(Sample sample) {
    return sample.prompt().needles().getFirst();
  }

  private static List<String> pairs(Sample sample) {
    return PAIR.matcher(sample.prompt().context()).results().map(pair -> pair.group()).toList();
  }

  private static RecallTask task(KeyValue layout) {
    return new RecallTask(layout, KeyValueTest::tokens);
  }

  private static int tokens(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }
}
