package dev.mneme.integration.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The tokenizer in a model's folder: {@code tokenizer.json} of the Hugging Face library.
 *
 * <p>Nothing is truncated or padded, and no special token is added. Thread-safe.
 */
public final class Tokenizer implements AutoCloseable {

  private final HuggingFaceTokenizer tokenizer;
  private final Set<Integer> endTokens;

  private Tokenizer(HuggingFaceTokenizer tokenizer, Set<Integer> endTokens) {
    this.tokenizer = tokenizer;
    this.endTokens = endTokens;
  }

  /**
   * Opens the tokenizer of a model's folder; the caller closes it.
   *
   * @throws IOException if {@code tokenizer.json} is missing or invalid
   */
  public static Tokenizer open(Path folder) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString(), null, "the model's tokenizer is missing");
    }
    Set<Integer> endTokens = readEndTokens(folder);
    try {
      return new Tokenizer(
          HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false", "padding", "false")),
          endTokens);
    } catch (RuntimeException e) {
      throw new IOException(file + " is not a tokenizer: " + e.getMessage(), e);
    }
  }

  /** Tokens that end a text: {@code model.eos_token_id} of {@code genai_config.json}. */
  private static Set<Integer> readEndTokens(Path folder) throws IOException {
    Set<Integer> tokens = new TreeSet<>();
    Path file = folder.resolve("genai_config.json");
    if (Files.isRegularFile(file)) {
      JsonNode eos = new ObjectMapper().readTree(file.toFile()).at("/model/eos_token_id");
      if (eos.isInt()) {
        tokens.add(eos.intValue());
      }
      eos.elements().forEachRemaining(token -> tokens.add(token.intValue()));
    }
    return Set.copyOf(tokens);
  }

  /** Token ids of a text; special tokens written in it become what they name. */
  public int[] encode(String text) {
    long[] ids = tokenizer.encode(text, false, false).getIds();
    int[] tokens = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokens[i] = Math.toIntExact(ids[i]);
    }
    return tokens;
  }

  /** Text of token ids; special tokens are written out. */
  public String decode(int... tokens) {
    long[] ids = new long[tokens.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens[i];
    }
    return tokenizer.decode(ids, false);
  }

  /** Tokens after which a model has nothing more to say; may be empty. */
  public Set<Integer> endTokens() {
    return endTokens;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
