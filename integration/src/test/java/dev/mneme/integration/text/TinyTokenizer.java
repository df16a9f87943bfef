package dev.mneme.integration.text;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes small {@code tokenizer.json} files that are built like those of real models. */
public final class TinyTokenizer {

  /** Ids of the special tokens, after 256 bytes and the merged tokens. */
  static final int END_OF_TEXT = 264;

  static final int IM_END = 265;

  private TinyTokenizer() {}

  /**
   * Byte-level BPE as of GPT-2: the id of a byte is its value. Merged tokens: " t", "he", " the", a
   * space with the first byte of an emoji, the first two bytes of one, the middle two, "a" with the
   * first byte of an accented letter, and "oo".
   */
  public static Path byteLevel(Path folder) throws IOException {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int value = 0; value < 256; value++) {
      vocabulary.put(letter(value), value);
    }
    List<List<String>> merges = new ArrayList<>();
    for (int[][] pair :
        new int[][][] {
          {{' '}, {'t'}},
          {{'h'}, {'e'}},
          {{' ', 't'}, {'h', 'e'}},
          {{' '}, {0xf0}},
          {{0xf0}, {0x9f}},
          {{0x9f}, {0x98}},
          {{'a'}, {0xc3}},
          {{'o'}, {'o'}}
        }) {
      String left = letters(pair[0]);
      String right = letters(pair[1]);
      merges.add(List.of(left, right));
      vocabulary.put(left + right, vocabulary.size());
    }
    Map<String, Object> byteLevel =
        Map.of(
            "type",
            "ByteLevel",
            "add_prefix_space",
            false,
            "trim_offsets",
            true,
            "use_regex",
            false);
    return write(
        folder,
        Map.of(
            "version",
            "1.0",
            "added_tokens",
            List.of(
                special(END_OF_TEXT, "<|endoftext|>"),
                special(IM_END, "<|im_end|>"),
                special(IM_END + 1, "<|im_start|>")),
            "pre_tokenizer",
            byteLevel,
            "decoder",
            byteLevel,
            // A template that adds a token, which encode must not use.
            "post_processor",
            Map.of(
                "type",
                "TemplateProcessing",
                "single",
                List.of(
                    Map.of("SpecialToken", Map.of("id", "<|im_start|>", "type_id", 0)),
                    Map.of("Sequence", Map.of("id", "A", "type_id", 0))),
                "pair",
                List.of(Map.of("Sequence", Map.of("id", "A", "type_id", 0))),
                "special_tokens",
                Map.of(
                    "<|im_start|>",
                    Map.of(
                        "id",
                        "<|im_start|>",
                        "ids",
                        List.of(IM_END + 1),
                        "tokens",
                        List.of("<|im_start|>")))),
            "truncation",
            Map.of("direction", "Right", "max_length", 8, "strategy", "LongestFirst", "stride", 0),
            "model",
            Map.of("type", "BPE", "vocab", vocabulary, "merges", merges)));
  }

  /** BPE with byte fallback as of Llama 2: bytes are 0 to 255, then a space and letters. */
  static Path byteFallback(Path folder) throws IOException {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int value = 0; value < 256; value++) {
      vocabulary.put("<0x%02X>".formatted(value), value);
    }
    for (String piece : List.of("\u2581", "a", "b", "\u2581a", "\u2581b")) {
      vocabulary.put(piece, vocabulary.size());
    }
    return write(
        folder,
        Map.of(
            "version",
            "1.0",
            "added_tokens",
            List.of(special(261, "</s>")),
            "normalizer",
            Map.of(
                "type",
                "Sequence",
                "normalizers",
                List.of(
                    Map.of("type", "Prepend", "prepend", "\u2581"),
                    Map.of(
                        "type", "Replace", "pattern", Map.of("String", " "), "content", "\u2581"))),
            "decoder",
            Map.of(
                "type",
                "Sequence",
                "decoders",
                List.of(
                    Map.of(
                        "type", "Replace", "pattern", Map.of("String", "\u2581"), "content", " "),
                    Map.of("type", "ByteFallback"),
                    Map.of("type", "Fuse"),
                    Map.of("type", "Strip", "content", " ", "start", 1, "stop", 0))),
            "model",
            Map.of(
                "type",
                "BPE",
                "byte_fallback",
                true,
                "vocab",
                vocabulary,
                "merges",
                List.of(List.of("\u2581", "a"), List.of("\u2581", "b")))));
  }

  private static Path write(Path folder, Map<String, Object> tokenizer) throws IOException {
    Files.createDirectories(folder);
    new JsonMapper().writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer);
    return folder;
  }

  private static Map<String, Object> special(int id, String content) {
    return Map.of(
        "id",
        id,
        "content",
        content,
        "special",
        true,
        "normalized",
        false,
        "single_word",
        false,
        "lstrip",
        false,
        "rstrip",
        false);
  }

  private static String letters(int... bytes) {
    StringBuilder letters = new StringBuilder();
    for (int value : bytes) {
      letters.append(letter(value));
    }
    return letters.toString();
  }

  /** GPT-2's letter for a byte: itself where it is printable, else one from U+0100 on. */
  private static String letter(int value) {
    if (printable(value)) {
      return new String(new byte[] {(byte) value}, StandardCharsets.ISO_8859_1);
    }
    int unprintableBefore = 0;
    for (int before = 0; before < value; before++) {
      unprintableBefore += printable(before) ? 0 : 1;
    }
    return Character.toString(256 + unprintableBefore);
  }

  private static boolean printable(int value) {
    return (value >= '!' && value <= '~')
        || (value >= 0xa1 && value <= 0xac)
        || (value >= 0xae && value <= 0xff);
  }
}
