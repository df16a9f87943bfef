package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Small tokenizers, written and opened by Hugging Face's tokenizers. */
class GgufTokenizerTest {

  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;

  @TempDir Path folder;

  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();

  @Test
  void joinsPiecesByTheirScores() throws IOException {
    sentencePieces();
    try (HuggingFaceTokenizer tokenizer = open(sentencePieceFile())) {
      // "ab" first, so that "bc" is none any more; of two "aa" the left one.
      assertTokens(tokenizer, "abc", "ab", "c");
      assertTokens(tokenizer, "aaa", "aa", "a");
      assertTokens(tokenizer, "a abc", "a", "▁ab", "c");
      // An unused token is not made.
      assertTokens(tokenizer, "cc", "c", "c");
      assertTokens(tokenizer, "a\n\nb", "a", "\n\n", "b");
      assertTokens(tokenizer, "é", "<0xC3>", "<0xA9>");
      assertTokens(tokenizer, "<bos>a", "<bos>", "a");
      String text = " a  abc\n\né";
      assertThat(tokenizer.decode(tokenizer.encode(text, false, false).getIds())).isEqualTo(text);
    }
  }

  @Test
  void beginsATextAsTheFileSays() throws IOException {
    sentencePieces();
    try (HuggingFaceTokenizer with = open(sentencePieceFile());
        HuggingFaceTokenizer without =
            open(sentencePieceFile().flag("tokenizer.ggml.add_bos_token", false))) {
      long bos = tokens.indexOf("<bos>");
      assertThat(with.encode("a", true, false).getIds()).containsExactly(bos, tokens.indexOf("a"));
      assertThat(without.encode("a", true, false).getIds()).containsExactly(tokens.indexOf("a"));
    }
  }

  /** As Qwen's own tokenizer splits them: the expected words are those of llama.cpp too. */
  @Test
  void splitsWordsAsQwenDoes() throws IOException {
    byteAlphabet();
    String[] merges = {"Ġ Ġ", "i t", "' s", "1 2", "Ċ Ċ", "a b", "Ġ ab", "( a", "( ab"};
    for (String merge : merges) {
      token(merge.replace(" ", ""), NORMAL, 0);
    }
    GgufBytes file =
        new GgufBytes()
            .text("tokenizer.ggml.model", "gpt2")
            .text("tokenizer.ggml.pre", "qwen2")
            .texts("tokenizer.ggml.merges", List.of(merges));
    try (HuggingFaceTokenizer tokenizer = open(file)) {
      assertTokens(tokenizer, "it's", "it", "'s");
      assertTokens(tokenizer, "12", "1", "2");
      assertTokens(tokenizer, "   ab", "ĠĠ", "Ġab");
      assertTokens(tokenizer, "(ab", "(ab");
      assertTokens(tokenizer, "x\n\nab", "x", "ĊĊ", "ab");
      // Composed first: two bytes and not three.
      assertTokens(tokenizer, "e\u0301", "Ã", "©");
    }
  }

  private void sentencePieces() {
    token("<bos>", CONTROL, -1000);
    token("\n\n", USER_DEFINED, -1000);
    for (int value = 0; value < 256; value++) {
      token("<0x%02X>".formatted(value), BYTE, -1000);
    }
    for (String piece : List.of("▁", "a", "b", "c")) {
      token(piece, NORMAL, -100);
    }
    token("ab", NORMAL, -1);
    token("bc", NORMAL, -2);
    token("aa", NORMAL, -3);
    token("▁ab", NORMAL, -4);
    token("cc", UNUSED, -1000);
  }

  private static GgufBytes sentencePieceFile() {
    return new GgufBytes()
        .text("tokenizer.ggml.model", "llama")
        .flag("tokenizer.ggml.add_space_prefix", false)
        .number("tokenizer.ggml.bos_token_id", 0);
  }

  /** The characters that stand for bytes in byte-level BPE. */
  private void byteAlphabet() {
    int other = 256;
    for (int value = 0; value < 256; value++) {
      boolean itself = (value > 32 && value < 127) || (value > 160 && value != 173);
      token(Character.toString(itself ? value : other++), NORMAL, 0);
    }
  }

  private void token(String text, int type, float score) {
    tokens.add(text);
    types.add(type);
    scores.add(score);
  }

  private void assertTokens(HuggingFaceTokenizer tokenizer, String text, String... expected) {
    long[] ids = tokenizer.encode(text, false, false).getIds();
    assertThat(Arrays.stream(ids).mapToObj(id -> tokens.get((int) id)))
        .as(text)
        .containsExactly(expected);
  }

  private HuggingFaceTokenizer open(GgufBytes file) throws IOException {
    file.texts("tokenizer.ggml.tokens", tokens)
        .numbers("tokenizer.ggml.token_type", types)
        .reals("tokenizer.ggml.scores", scores);
    Path gguf = Files.write(folder.resolve("t.gguf"), file.build());
    try (Arena arena = Arena.ofConfined()) {
      GgufTokenizer tokenizer = new GgufTokenizer(GgufFile.open(gguf, arena).metadata());
      Path json = folder.resolve("tokenizer.json");
      Files.writeString(json, tokenizer.toJson().toString());
      return HuggingFaceTokenizer.builder().optTokenizerPath(json).build();
    }
  }
}
