package dev.mneme.benchmarks.task;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class JsonLinesTest {

  private static final String GOOD =
      """
      {"id":"1","context":"a\\n😀","question":" q?","answer_prefix":"","answers":["x","y"],\
      "max_new_tokens":5}\
      """;

  @TempDir private Path folder;

  @Test
  void readsEveryLine() throws IOException {
    Path file =
        write(
            GOOD
                + "\r\n\n"
                + """
                {"id":"2","task":"kv","depth":0.25,"length":4096,"source":{"n":1},"context":"",\
                "question":"","answer_prefix":"p","answers":["z"],"max_new_tokens":7}
                """);
    assertThat(JsonLines.read(file))
        .containsExactly(
            new Sample(
                "1",
                "my.data",
                new Prompt("a\n😀", List.of(), " q?", "", List.of("x", "y")),
                Scoring.CONTAINS_ANY,
                5,
                null),
            new Sample(
                "2",
                "kv",
                new Prompt("", List.of(), "", "p", List.of("z")),
                Scoring.CONTAINS_ANY,
                7,
                0.25));
  }

  @ParameterizedTest
  @MethodSource("published")
  void readsPublishedFormats(String line, String file, String prompt, String answer)
      throws IOException {
    Path path = folder.resolve(file + ".jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(path))) {
      out.write(line.getBytes(UTF_8));
    }
    Sample sample = JsonLines.read(path).getFirst();
    assertThat(sample.prompt().text()).isEqualTo(prompt);
    assertThat(sample.score(answer)).isEqualTo(1);
    assertThat(sample.score("something else")).isZero();
  }

  static Stream<Arguments> published() {
    return Stream.of(
        arguments(
            "{\"context\":\"a b\",\"question\":\" q\",\"answer_prefix\":\" p\",\"answer\":[\"b\"],"
                + "\"task\":\"niah\",\"max_new_tokens\":5}",
            "ruler",
            "a b q p",
            "B."),
        arguments(
            "{\"ordered_kv_records\":[[\"k\",\"v-1\"],[\"l\",\"w\"]],\"key\":\"k\",\"value\":\"v-1\"}",
            "kv",
            "Extract the value corresponding to the specified key in the JSON object below.\n\n"
                + "JSON data:\n{\"k\": \"v-1\",\n \"l\": \"w\"}\n\nKey: \"k\"\nCorresponding value:",
            " V-1"),
        arguments(
            "{\"question\":\"who?\",\"answers\":[\"Ada\"],\"ctxs\":[{\"title\":\"T\",\"text\":\"Ada\\nx\"},"
                + "{\"title\":\"U\",\"text\":\"y\"}]}",
            "nq",
            "Write a high-quality answer for the given question using only the provided search"
                + " results (some of which might be irrelevant).\n\nDocument [1](Title: T) Ada x\n"
                + "Document [2](Title: U) y\n\nQuestion: who?\nAnswer:",
            " ada\nmore"),
        arguments(
            "{\"context\":\"c\",\"input\":\"i\",\"answers\":[\"a1\"],\"dataset\":\"trec\",\"_id\":\"x\"}",
            "trec",
            "c\n\ni\nAnswer:",
            " A1"),
        arguments(
            "{\"id\":3,\"context\":\"c 71432 d\",\"input\":\"What is the pass key?\","
                + "\"answer\":[\"71432\"]}",
            "passkey",
            "There is an important info hidden inside a lot of irrelevant text. Find it and memorize"
                + " it. I will quiz you about the important information.\n\nc 71432 d\n\nWhat is the"
                + " pass key?\n\nThe pass key is",
            " 71432"));
  }

  @Test
  void findsTheNeedleByTheFirstAnswerThatOccurs() throws IOException {
    Path file = write(GOOD.replace("\"a\\n", "\"a y, y"));
    assertThat(JsonLines.read(file))
        .singleElement()
        .satisfies(sample -> assertThat(sample.prompt().needles()).containsExactly(new Span(2, 3)));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void namesFileAndLineOfWhatIsWrong(String line, String message) throws IOException {
    Path file = write(GOOD + "\n\n" + line + "\n");
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(file))
        .withMessage("%s:3: %s", file, message);
  }

  static Stream<Arguments> bad() {
    return Stream.of(
        Arguments.of(GOOD.replace("\"id\"", "\"Id\""), "missing key: id"),
        Arguments.of(GOOD.replace("\"context\"", "\"c\""), "missing key: context"),
        Arguments.of(GOOD.replace("\"question\"", "\"c\""), "missing key: question"),
        Arguments.of(GOOD.replace("\"answer_prefix\"", "\"c\""), "missing key: answer_prefix"),
        Arguments.of(GOOD.replace("\"answers\"", "\"c\""), "missing key: answers"),
        Arguments.of(GOOD.replace("\"max_new_tokens\"", "\"c\""), "missing key: max_new_tokens"),
        Arguments.of(GOOD.replace("\"1\"", "1"), "id must be a string: 1"),
        Arguments.of(GOOD.replace("[\"x\",\"y\"]", "5"), "answers must be an array of strings: 5"),
        Arguments.of(GOOD.replace("\"y\"", "12"), "answers must be a string: 12"),
        Arguments.of(GOOD.replace("[\"x\",\"y\"]", "[]"), "answers must not be empty"),
        Arguments.of(GOOD.replace(":5", ":5.5"), "max_new_tokens must be an integer: 5.5"),
        Arguments.of(GOOD.replace(":5", ":0"), "maxNewTokens must be positive: 0"),
        Arguments.of(GOOD.replace(":5", ":5,\"depth\":\"a\""), "depth must be a number: \"a\""),
        Arguments.of(GOOD.replace(":5", ":5,\"depth\":50"), "depth must be from 0 to 1: 50.0"),
        Arguments.of("[1]", "must be a JSON object: ARRAY"));
  }

  @ParameterizedTest
  @MethodSource("broken")
  void namesFileAndLineOfBrokenJson(String line) throws IOException {
    Path file = write(GOOD + "\n" + line);
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(file))
        .withMessageStartingWith("%s:2: not JSON: ", file)
        .satisfies(e -> assertThat(e.getMessage()).hasLineCount(1));
  }

  static Stream<String> broken() {
    return Stream.of(GOOD.substring(0, 30), GOOD + GOOD, "id: 1", GOOD.replace("\"1\"", "NaN"));
  }

  @Test
  void answersOfInfiniteBenchMayBeNumbers() throws IOException {
    String line = "{\"id\":%d,\"context\":\"c\",\"input\":\"i\",\"answer\":%s}";
    Path file = write(line.formatted(1, "51") + "\n" + line.formatted(2, "[2.5,\"x\"]"));
    assertThat(JsonLines.read(file))
        .extracting(sample -> sample.prompt().answers())
        .containsExactly(List.of("51"), List.of("2.5", "x"));
  }

  @Test
  void refusesTwoSamplesOfOneId() throws IOException {
    Path file = write(GOOD + "\n" + GOOD);
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(file))
        .withMessageEndingWith(":2: there is a sample of this id already: 1");
  }

  @Test
  void refusesFilesThatHoldNoSamples() throws IOException {
    Path empty = write("\n \n");
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(empty))
        .withMessage("%s: holds no samples", empty);
    Path binary = folder.resolve("binary");
    Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(binary))
        .withMessage("%s: not UTF-8 text", binary);
    assertThatIOException()
        .isThrownBy(() -> JsonLines.read(folder.resolve("absent")))
        .isInstanceOf(NoSuchFileException.class);
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("my.data.jsonl"), text);
  }
}
