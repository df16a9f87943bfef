package dev.mneme.integration.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Utf8StreamTest {

  private static final List<String> CHARACTERS =
      List.of(
          "a",
          " ",
          " the",
          "é",
          "à",
          "漢",
          "😀",
          "🏳️‍🌈",
          "\n",
          "\ufffd",
          "<|im_end|>",
          "aà",
          " 😀");

  private final Tokenizer byteLevel;
  private final Tokenizer byteFallback;

  Utf8StreamTest(@TempDir Path folder) throws IOException {
    byteLevel = Tokenizer.open(TinyTokenizer.byteLevel(folder.resolve("level")));
    byteFallback = Tokenizer.open(TinyTokenizer.byteFallback(folder.resolve("fallback")));
  }

  @AfterAll
  void close() {
    byteLevel.close();
    byteFallback.close();
  }

  @Test
  void waitsForTheRestOfACharacter() {
    Utf8Stream stream = new Utf8Stream(byteLevel);
    // " 😀" is a token of a space and the first byte, one of the next two bytes, and the last byte.
    assertThat(byteLevel.encode("x 😀")).hasSize(4);
    assertThat(pieces(stream, byteLevel.encode("x 😀!"))).containsExactly("x", "", "", " 😀", "!");
    assertThat(stream.flush()).isEmpty();
  }

  @Test
  void replacesWhatIsNeverFinished() {
    Utf8Stream stream = new Utf8Stream(byteLevel);
    assertThat(pieces(stream, 'a', 0xf0, 'b', 0xe6, 0xbc))
        .containsExactly("a", "", "\ufffdb", "", "");
    assertThat(stream.flush()).isEqualTo("\ufffd");
    assertThat(pieces(stream, 'c')).containsExactly("c");
  }

  @Test
  void keepsSpacesBetweenTokensAndOnlyThose() {
    Utf8Stream stream = new Utf8Stream(byteFallback);
    // The first space is one that the tokenizer itself prepends.
    assertThat(pieces(stream, byteFallback.encode("a b  a"))).containsExactly("a", " b", " ", " a");
    assertThat(stream.flush()).isEmpty();
  }

  @Test
  void doesNotTakeBackFinishedCharactersOfByteFallback() {
    Utf8Stream stream = new Utf8Stream(byteFallback);
    assertThat(pieces(stream, bytes("é漢a"))).containsExactly("", "é", "", "", "漢", "a");
    // A byte that is never finished makes this decoder replace the whole run of bytes.
    stream.flush();
    assertThat(pieces(stream, bytes("é", 0xe6))).containsExactly("", "é", "");
    assertThat(stream.push(257)).isEqualTo("\ufffda");
    assertThat(stream.push(260)).isEqualTo(" b");
  }

  @Test
  void badBytesComeWithTheNextCharacterOrAtTheEnd() {
    Utf8Stream stream = new Utf8Stream(byteLevel);
    assertThat(pieces(stream, 0xff, 0xff, 'a', 0xff)).containsExactly("", "", "\ufffd\ufffda", "");
    assertThat(stream.flush()).isEqualTo("\ufffd");
  }

  @Test
  void refusesAnUnknownIdAndGoesOn() {
    Utf8Stream stream = new Utf8Stream(byteLevel);
    assertThat(stream.push(0xc3)).isEmpty();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> stream.push(267))
        .withMessage("token id must be from 0 to 266: 267");
    assertThat(stream.push(0xa9)).isEqualTo("é");
  }

  /** Text of many kinds, whose characters must come out whole and at once. */
  @RepeatedTest(100)
  void piecesOfTextAreWholeCharacters(RepetitionInfo repetition) {
    int seed = repetition.getCurrentRepetition();
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 40; i++) {
      text.append(CHARACTERS.get(random.nextInt(CHARACTERS.size())));
    }
    for (Tokenizer tokenizer : List.of(byteLevel, byteFallback)) {
      Utf8Stream stream = new Utf8Stream(tokenizer);
      int[] ids = tokenizer.encode(text.toString());
      String whole = tokenizer.decode(ids);
      StringBuilder shown = new StringBuilder();
      for (int id : ids) {
        shown.append(stream.push(id));
        assertThat(whole).as("seed %d", seed).startsWith(shown.toString());
        assertThat(Character.isHighSurrogate(last(shown))).as("seed %d", seed).isFalse();
      }
      assertThat(shown + stream.flush()).as("seed %d", seed).isEqualTo(whole);
    }
    assertThat(byteLevel.decode(byteLevel.encode(text.toString()))).isEqualTo(text.toString());
  }

  /** Any ids at all, most of them bytes that make no character. */
  @RepeatedTest(100)
  void piecesOfAnyIdsJoinToTheirText(RepetitionInfo repetition) {
    int seed = repetition.getCurrentRepetition();
    int[] ids = new Random(seed).ints(60, 0, byteLevel.vocabularySize()).toArray();
    Utf8Stream stream = new Utf8Stream(byteLevel);
    String joined = String.join("", pieces(stream, ids)) + stream.flush();
    assertThat(joined).as("seed %d", seed).isEqualTo(byteLevel.decode(ids));
  }

  private static char last(StringBuilder text) {
    return text.isEmpty() ? ' ' : text.charAt(text.length() - 1);
  }

  private static List<String> pieces(Utf8Stream stream, int... ids) {
    List<String> pieces = new ArrayList<>();
    for (int id : ids) {
      pieces.add(stream.push(id));
    }
    return pieces;
  }

  /** The byte tokens of {@code text}, but the piece for an "a"; then {@code more}. */
  private static int[] bytes(String text, int... more) {
    List<Integer> ids = new ArrayList<>();
    for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
      ids.add(value == 'a' ? 257 : Byte.toUnsignedInt(value));
    }
    for (int id : more) {
      ids.add(id);
    }
    return ids.stream().mapToInt(id -> id).toArray();
  }
}
