package dev.mneme.integration.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

  @TempDir private Path folder;

  @Test
  void encodesWithoutAddingAnything() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder))) {
      assertThat(tokenizer.encode("the the")).containsExactly('t', 257, 258);
      assertThat(tokenizer.encode("x<|im_end|>\n"))
          .containsExactly('x', TinyTokenizer.IM_END, '\n');
      assertThat(tokenizer.encode("")).isEmpty();
      assertThat(tokenizer.vocabularySize()).isEqualTo(267);
    }
  }

  /** The file has a template that puts {@code <|im_start|>} in front. */
  @Test
  void beginsAWholeTextAsItsTemplateSays() throws IOException {
    int start = TinyTokenizer.IM_END + 1;
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder))) {
      assertThat(tokenizer.encodeText("x the")).containsExactly(start, 'x', 258);
      assertThat(tokenizer.encodeText("<|im_start|>x")).containsExactly(start, 'x');
      assertThat(tokenizer.encodeText("")).isEmpty();
      Tokenizer.Encoded placed = tokenizer.encodeWithPlaces("x the");
      assertThat(placed.ids()).containsExactly(start, 'x', 258);
      assertThat(placed.starts()).containsExactly(0, 0, 1);
    }
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteFallback(folder.resolve("b")))) {
      assertThat(tokenizer.encodeText("a")).isEqualTo(tokenizer.encode("a"));
    }
  }

  /** The file itself asks for truncation at 8 tokens, and the library's default is 512. */
  @Test
  void truncatesNothing() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder))) {
      assertThat(tokenizer.encode("x".repeat(20_000))).hasSize(20_000).containsOnly('x');
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        " leading",
        "trailing ",
        "a\n\n\tb  c",
        "nul\u0000byte",
        "grün, là, 漢字, 😀 👩‍👩‍👧‍👦",
        "<|im_start|>user<|im_end|>"
      })
  void decodesWhatItEncodes(String text) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder))) {
      assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
    }
  }

  @Test
  void refusesIdsOutsideTheVocabulary() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder))) {
      for (int id : new int[] {-1, 267, Integer.MAX_VALUE}) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> tokenizer.decode(new int[] {1, id}))
            .withMessage("token id must be from 0 to 266: " + id);
      }
    }
  }

  @Test
  void isOfNoUseOnceClosed() throws IOException {
    Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder));
    tokenizer.close();
    tokenizer.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> tokenizer.encode("x"))
        .withMessage("tokenizer is closed");
    assertThatIllegalStateException()
        .isThrownBy(() -> tokenizer.decode(new int[] {1}))
        .withMessage("tokenizer is closed");
  }

  @Test
  void servesSeveralThreads() throws Exception {
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder));
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (Future<?> done :
          IntStream.range(0, 4)
              .mapToObj(thread -> threads.submit(() -> roundTrips(tokenizer, thread)))
              .toList()) {
        done.get();
      }
    }
  }

  private static void roundTrips(Tokenizer tokenizer, int thread) {
    for (int i = 0; i < 200; i++) {
      String text = "thread " + thread + " the 😀 " + i;
      assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
    }
  }

  @Test
  void endTokensAreAllThatTheFilesDeclare() throws IOException {
    TinyTokenizer.byteLevel(folder);
    assertThat(endTokens())
        .containsExactlyInAnyOrder(TinyTokenizer.END_OF_TEXT, TinyTokenizer.IM_END);

    write("tokenizer_config.json", "{\"eos_token\": {\"content\": \"<|im_end|>\"}}");
    assertThat(endTokens()).containsExactly(TinyTokenizer.IM_END);
    write("genai_config.json", "{\"model\": {\"eos_token_id\": 7}}");
    assertThat(endTokens()).containsExactlyInAnyOrder(7, TinyTokenizer.IM_END);
    write("generation_config.json", "{\"eos_token_id\": [8, 9]}");
    write("special_tokens_map.json", "{\"eos_token\": \"<|endoftext|>\"}");
    assertThat(endTokens())
        .containsExactlyInAnyOrder(7, 8, 9, TinyTokenizer.IM_END, TinyTokenizer.END_OF_TEXT);
  }

  @Test
  void declarationsThatSayNothingAreNone() throws IOException {
    TinyTokenizer.byteFallback(folder);
    write("genai_config.json", "{\"model\": {\"eos_token_id\": null}}");
    write("tokenizer_config.json", "{\"eos_token\": null}");
    write("special_tokens_map.json", "{}");
    assertThat(endTokens()).containsExactly(261);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "genai_config.json | {\"model\": {\"eos_token_id\": \"x\"}} |"
            + " /model/eos_token_id must be a token id: \"x\"",
        "generation_config.json | {\"eos_token_id\": [1, -2]} |"
            + " /eos_token_id must be a token id: -2"
      })
  void namesTheFileOfAWrongEndToken(String name, String text, String message) throws IOException {
    TinyTokenizer.byteLevel(folder);
    Path file = write(name, text);
    assertThatIOException()
        .isThrownBy(() -> Tokenizer.open(folder))
        .withMessage("%s: %s", file, message);
  }

  @Test
  void namesAFileThatIsNotJson() throws IOException {
    TinyTokenizer.byteLevel(folder);
    Path file = write("tokenizer_config.json", "{\"eos_token\"");
    assertThatIOException()
        .isThrownBy(() -> Tokenizer.open(folder))
        .withMessageStartingWith("%s: not JSON: ", file);
  }

  @Test
  void saysThatTheTokenizerIsMissing() {
    assertThatIOException()
        .isThrownBy(() -> Tokenizer.open(folder))
        .withMessage(
            "%s: missing; a model needs its tokenizer, beside it or named by --tokenizer",
            folder.resolve("tokenizer.json"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"model\": {}}",
        "{\"model\": {\"type\": \"Unknown\", \"vocab\": {\"a\": 0}}}",
        "{\"added_tokens\": 5, \"model\": {\"vocab\": {\"a\": 0}}}"
      })
  void namesATokenizerThatIsNone(String text) throws IOException {
    Path file = write("tokenizer.json", text);
    assertThatIOException()
        .isThrownBy(() -> Tokenizer.open(folder))
        .withMessageStartingWith("%s: not a tokenizer: ", file);
  }

  private Set<Integer> endTokens() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      return tokenizer.endTokens();
    }
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }
}
