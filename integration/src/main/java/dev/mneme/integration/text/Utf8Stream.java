package dev.mneme.integration.text;

import java.util.Arrays;

/**
 * Turns token ids that come one by one into text, in complete characters only.
 *
 * <p>A character may be spread over several tokens. A token alone does not tell its text either:
 * whether it begins with a space may depend on the token before. So the last tokens are decoded
 * together with each new one, and what is new in their text is returned, as soon as it does not end
 * within a character; bytes that make no character come with the next one that does. All pieces and
 * {@link #flush()} joined are the text of all tokens. Not thread-safe.
 */
public final class Utf8Stream {

  private static final char REPLACEMENT = '\ufffd';

  private final Tokenizer tokenizer;
  private int[] ids = new int[16];
  private int size;

  /** Number of ids whose text is finished; they stay as the context of those after them. */
  private int finished;

  /** What of the text of {@code ids} has been returned. */
  private String shown = "";

  /**
   * A stream at the start of a text.
   *
   * @param tokenizer stays open as long as the stream is used; not closed by it
   */
  public Utf8Stream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Takes the next token.
   *
   * @return the text that is now complete, often empty
   * @throws IllegalArgumentException when {@code id} is not in the vocabulary; the stream is then
   *     as before
   */
  public String push(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
    }
    ids[size] = id;
    String text = decode(0, size + 1);
    size++;
    if (endsWithin(text)) {
      return "";
    }
    // What has been returned stands, even where a bad byte makes the decoder replace it with the
    // whole run of bytes: then the text of the later tokens follows, decoded by itself.
    String fresh = text.startsWith(shown) ? text.substring(shown.length()) : decode(finished, size);
    if (fresh.isEmpty()) {
      shown = text;
    } else {
      finish();
    }
    return fresh;
  }

  /**
   * Ends the text: the stream is then at the start of the next one.
   *
   * @return what was held back, with U+FFFD for a character that was never finished
   */
  public String flush() {
    String text = decode(0, size);
    String rest = text.startsWith(shown) ? text.substring(shown.length()) : decode(finished, size);
    size = 0;
    finished = 0;
    shown = "";
    return rest;
  }

  /** Drops the ids that are no longer needed as context. */
  private void finish() {
    size -= finished;
    System.arraycopy(ids, finished, ids, 0, size);
    finished = size;
    shown = decode(0, size);
  }

  /** Whether the last character may be unfinished: it is then replaced for now. */
  private static boolean endsWithin(String text) {
    return !text.isEmpty() && text.charAt(text.length() - 1) == REPLACEMENT;
  }

  private String decode(int from, int to) {
    return tokenizer.decode(Arrays.copyOfRange(ids, from, to));
  }
}
