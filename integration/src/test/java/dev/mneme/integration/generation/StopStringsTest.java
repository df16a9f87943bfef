package dev.mneme.integration.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  @Test
  void holdsBackWhatMayBecomeAStopString() {
    StopStrings stops = new StopStrings(List.of("\n\nUser:"));
    assertThat(stops.push("Hi")).isEqualTo("Hi");
    assertThat(stops.push(" there\n")).isEqualTo(" there");
    assertThat(stops.push("\nUs")).isEmpty();
    assertThat(stops.push("e it")).isEqualTo("\n\nUse it");
    assertThat(stops.push(".\n\n")).isEqualTo(".");
    assertThat(stops.stopped()).isFalse();
    assertThat(stops.push("User: more")).isEmpty();
    assertThat(stops.stopped()).isTrue();
    assertThat(stops.push("x")).isEmpty();
    assertThat(stops.flush()).isEmpty();
  }

  @Test
  void flushReturnsWhatCameToNothing() {
    StopStrings stops = new StopStrings(List.of("END"));
    assertThat(stops.push("the EN")).isEqualTo("the ");
    assertThat(stops.flush()).isEqualTo("EN");
    assertThat(stops.stopped()).isFalse();
  }

  @Test
  void theOneThatIsCompleteFirstStops() {
    StopStrings overlapping = new StopStrings(List.of("abcd", "bc"));
    assertThat(overlapping.push("xabcd")).isEqualTo("xa");
    StopStrings sameEnd = new StopStrings(List.of("bc", "abc"));
    assertThat(sameEnd.push("xabcd")).isEqualTo("x");
    StopStrings repeated = new StopStrings(List.of("aab"));
    assertThat(repeated.push("aaa")).isEqualTo("a");
    assertThat(repeated.push("b")).isEmpty();
    assertThat(repeated.stopped()).isTrue();
  }

  @Test
  void withoutStopStringsAllPasses() {
    StopStrings none = new StopStrings(List.of());
    assertThat(none.push("any\n\ntext")).isEqualTo("any\n\ntext");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new StopStrings(List.of("")))
        .withMessage("stops must not contain the empty string");
  }

  /** Over an alphabet of two letters, so that stop strings overlap themselves and each other. */
  @RepeatedTest(300)
  void equalsASearchOfTheWholeText(RepetitionInfo repetition) {
    int seed = repetition.getCurrentRepetition();
    Random random = new Random(seed);
    String text = letters(random, 60);
    List<String> stops = new ArrayList<>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      stops.add(letters(random, 2 + random.nextInt(6)));
    }
    String expected = before(text, stops);

    StopStrings watcher = new StopStrings(stops);
    StringBuilder passed = new StringBuilder();
    for (int at = 0; at < text.length(); ) {
      int next = Math.min(text.length(), at + 1 + random.nextInt(5));
      passed.append(watcher.push(text.substring(at, next)));
      assertThat(expected).as("seed %d, stops %s", seed, stops).startsWith(passed.toString());
      at = next;
    }
    assertThat(watcher.stopped()).as("seed %d", seed).isEqualTo(!expected.equals(text));
    assertThat(passed + watcher.flush()).as("seed %d, stops %s", seed, stops).isEqualTo(expected);
  }

  /** The text before the stop string whose end comes first; of equal ends, the longest. */
  private static String before(String text, List<String> stops) {
    return IntStream.rangeClosed(0, text.length())
        .mapToObj(end ->
            stops.stream()
                .filter(stop -> text.substring(0, end).endsWith(stop))
                .mapToInt(stop -> end - stop.length())
                .min())
        .flatMapToInt(start -> start.stream())
        .mapToObj(start -> text.substring(0, start))
        .findFirst()
        .orElse(text);
  }

  private static String letters(Random random, int length) {
    return random
        .ints(length, 0, 4)
        .mapToObj(letter -> letter == 0 ? "b" : "a")
        .reduce("", String::concat);
  }
}
