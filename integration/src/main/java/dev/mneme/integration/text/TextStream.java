package dev.mneme.integration.text;

import java.util.Arrays;

/**
 * Turns tokens into text as they arrive. A token may hold part of a character: its text is held
 * back until the character is whole. Not thread-safe.
 *
 * <p>Tokens are decoded behind a few tokens before them, because some tokenizers write a token
 * differently at the start of a text; only what the new tokens add is given out.
 */
public final class TextStream {

  private static final char REPLACEMENT = '\uFFFD';

  /** More tokens than the bytes of a character: then the bytes are no character at all. */
  private static final int MOST_TOKENS_OF_CHARACTER = 4;

  private final Tokenizer tokenizer;
  private int[] tokens = new int[16];
  private int count;
  private int given;
  private int context;

  /** Starts with no text. */
  public TextStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** Takes the next token and gives the text that is now certain, which may be empty. */
  public String push(int token) {
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
    String before = decode(context, given);
    String now = decode(context, count);
    boolean incomplete = !now.isEmpty() && now.charAt(now.length() - 1) == REPLACEMENT;
    if ((incomplete && count - given < MOST_TOKENS_OF_CHARACTER)
        || now.length() < before.length()) {
      return "";
    }
    context = given;
    given = count;
    return now.substring(before.length());
  }

  /** Gives what was held back: an incomplete character becomes U+FFFD. */
  public String flush() {
    String before = decode(context, given);
    String now = decode(context, count);
    context = count;
    given = count;
    return now.substring(Math.min(before.length(), now.length()));
  }

  private String decode(int from, int to) {
    return tokenizer.decode(Arrays.copyOfRange(tokens, from, to));
  }
}
