package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.offset;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for all tasks, and the wording of those that have no test of their own. */
class RecallTaskTest {

  private static final Pattern TOKEN = Pattern.compile(" ?\\p{Alpha}+|[^\\p{Alpha}]");

  static List<String> names() {
    return RecallTask.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void fillsTheLengthAndHasTheAnswerInItsNeedle(String name) {
    for (int length : new int[] {4096, 8000}) {
      for (double depth : new double[] {0, 0.4, 1}) {
        Sample sample = task(name).sample(length, depth, 5);
        Prompt prompt = sample.prompt();
        assertThat(tokens(prompt.text())).isBetween(length - 200, length);
        assertThat(sample.task()).isEqualTo(name);
        assertThat(sample).isEqualTo(task(name).sample(length, depth, 5));
        String needles =
            String.join(
                "\n", prompt.needles().stream().map(span -> span.of(prompt.context())).toList());
        if (!needles.isEmpty()) {
          assertThat(prompt.answers())
              .allMatch(answer ->
                  needles.toLowerCase(Locale.ROOT).contains(answer.toLowerCase(Locale.ROOT)));
        }
        assertThat(sample.score(" " + String.join(", ", prompt.answers()) + ".")).isEqualTo(1);
        assertThat(sample.score("")).isZero();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"secrets", "kv", "lines", "labels", "chats"})
  void questionsOfOneSeedShareTheirContext(String name) {
    List<Sample> samples = task(name).samples(4096, List.of(0.1, 0.4, 0.9), 5);
    assertThat(samples).extracting(Sample::depth).containsExactly(0.1, 0.4, 0.9);
    List<Prompt> prompts = samples.stream().map(Sample::prompt).toList();
    assertThat(prompts.stream().map(Prompt::context).distinct()).hasSize(1);
    assertThat(prompts.stream().map(Prompt::needles).distinct()).hasSize(3);
    assertThat(prompts).allMatch(prompt -> tokens(prompt.text()) <= 4096);
  }

  @ParameterizedTest
  @CsvSource({
    "passkey",
    "passkey-infinitebench",
    "number",
    "kv",
    "niah_single_1",
    "niah_single_2",
    "niah_multikey_2",
    "assign",
    "lines",
    "stream",
    "needle",
    "labels",
    "chats"
  })
  void theNeedleLiesAtItsDepth(String name) {
    for (double depth : new double[] {0.05, 0.5, 0.95}) {
      Prompt prompt = task(name).sample(8000, depth, 3).prompt();
      double at = (double) prompt.needles().getFirst().start() / prompt.context().length();
      assertThat(at).isCloseTo(depth, offset(0.05));
    }
  }

  @Test
  void numberStringsDoubleDigitsInPlace() {
    Prompt prompt = task("number").sample(1000, 0.5, 3).prompt();
    String key = prompt.answers().getFirst();
    assertThat(key).matches("[0-9]{10}").containsPattern("([0-9])\\1");
    assertThat(prompt.context())
        .startsWith(
            "There is an important info hidden inside a lot of irrelevant text. Find it. I will quiz"
                + " you about the important information.\n\nThe grass is green.")
        .contains(
            "\nThe sequence of digits is %1$s. Remember it. %1$s is the sequence of digits.\n"
                .formatted(key));
    assertThat(prompt.question() + prompt.answerPrefix())
        .isEqualTo("\n\n\nWhat is the sequence of digits?\n\nThe sequence of digits is");
  }

  @Test
  void variablesAreTrackedThroughAChainAfterOneExample() {
    Prompt prompt = task("vt").sample(2000, 0.1, 3).prompt();
    List<String> names = prompt.answers();
    String value = prompt.question().replaceAll(".*value ([0-9]{5}) in.*|\n", "$1");
    assertThat(names).hasSize(5).allMatch(name -> name.matches("[A-Z]{5}"));
    assertThat(texts(prompt).getFirst()).isEqualTo("VAR " + names.getFirst() + " = " + value);
    for (int link = 1; link < 5; link++) {
      assertThat(texts(prompt).get(link))
          .isEqualTo("VAR " + names.get(link) + " = VAR " + names.get(link - 1));
    }
    assertThat(prompt.context()).containsPattern("they are: [A-Z]{3}( [A-Z]{3}){4}\n\nMemorize");
  }

  @Test
  void commonWordsComeMostOften() {
    Prompt prompt = task("cwe").sample(6000, 0.5, 3).prompt();
    String list = prompt.context().substring(prompt.context().lastIndexOf("Below is"));
    assertThat(prompt.answers()).hasSize(10).allMatch(word -> count(list, word) == 30);
    Prompt small = task("cwe").sample(2000, 0.5, 3).prompt();
    String few = small.context().substring(small.context().lastIndexOf("Below is"));
    assertThat(small.answers()).hasSize(10).allMatch(word -> count(few, word) == 6);
  }

  @Test
  void frequentWordsFallWithTheirRank() {
    Prompt prompt = task("fwe").sample(4000, 0.5, 3).prompt();
    List<Long> counts =
        prompt.answers().stream().map(word -> count(prompt.context(), word)).toList();
    assertThat(counts.get(0)).isGreaterThan(counts.get(1));
    assertThat(counts.get(1)).isGreaterThan(counts.get(2));
    assertThat(count(prompt.context(), "...")).isGreaterThan(counts.getFirst());
  }

  @Test
  void variablesOfCodeAreNamedBeforehand() {
    Prompt prompt = task("assign").sample(2000, 0.5, 3).prompt();
    String name = texts(prompt).getFirst().split(" ", -1)[0];
    assertThat(prompt.context())
        .startsWith(
            "```python\n# We set a number of variables, %s will be important later\nx30 = "
                .formatted(name));
    assertThat(prompt.question() + prompt.answerPrefix())
        .isEqualTo("\n# Now, we check the value of %1$s:\nassert %1$s == ".formatted(name));
  }

  @Test
  void streamsHaveQuestionsInBetween() {
    Prompt prompt = task("stream").ofUnits(45, 0.5, 3).prompt();
    List<String> lines = prompt.context().lines().toList();
    assertThat(lines).filteredOn(line -> line.startsWith("What is")).hasSize(2);
    int question = 30; // of the first one: it comes after thirty lines, about the eleventh
    String name = lines.get(question).replaceAll("What is the REGISTER_CONTENT in line |\\?", "");
    assertThat(lines.get(10)).startsWith("line " + name + ": ");
    assertThat(lines.get(question + 1))
        .isEqualTo("Answer: " + lines.get(10).replaceAll(".*is ", ""));
  }

  @Test
  void unknownTasksAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> task("some"))
        .withMessageStartingWith("unknown task some; known tasks: passkey, passkey-infinitebench,");
  }

  private static List<String> texts(Prompt prompt) {
    return prompt.needles().stream().map(span -> span.of(prompt.context())).toList();
  }

  private static long count(String text, String word) {
    return Pattern.compile("(?<= )" + Pattern.quote(word) + "(?= |$)")
        .matcher(text)
        .results()
        .count();
  }

  private static RecallTask task(String name) {
    return RecallTask.of(name, RecallTaskTest::tokens, Prose.BUILT_IN);
  }

  private static int tokens(String text) {
    return (int) TOKEN.matcher(text).results().count();
  }
}
