package dev.mneme.integration.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.google.common.primitives.Ints;
import dev.mneme.memory.store.NativeHeap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The tokenizer of a model: Hugging Face's {@code tokenizers} over the model's {@code
 * tokenizer.json}.
 *
 * <p>Nothing is truncated or padded, and added only in front of {@linkplain #encodeText whole
 * texts}. Text such as {@code <|im_end|>} that spells a special token becomes that token.
 * Thread-safe; {@link #close()} waits for calls under way.
 */
public final class Tokenizer implements AutoCloseable {

  private static final String FILE = "tokenizer.json";

  /** Characters of a text whose encoding leaves much memory behind. */
  private static final int LONG_TEXT = 1 << 18;

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;
  private final int vocabularySize;
  private final Set<Integer> endTokens;
  private final int[] begin;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Tokenizer(
      Path file, HuggingFaceTokenizer tokenizer, int vocabularySize, Set<Integer> endTokens) {
    this.file = file;
    this.tokenizer = tokenizer;
    this.vocabularySize = vocabularySize;
    this.endTokens = endTokens;
    begin = begin(tokenizer);
  }

  /**
   * Opens the tokenizer of a model; the caller closes it.
   *
   * @param folderOrFile the model's folder, which holds {@code tokenizer.json} and, where the model
   *     has end tokens, one of the files named at {@link #endTokens()}; or the file, beside which
   *     those are
   * @throws IOException when {@code tokenizer.json} is missing or not a tokenizer, or when another
   *     file cannot be understood; the message names the file
   */
  public static Tokenizer open(Path folderOrFile) throws IOException {
    Path file = Files.isDirectory(folderOrFile) ? folderOrFile.resolve(FILE) : folderOrFile;
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "%s: missing; a model needs its tokenizer, beside it or named by --tokenizer"
              .formatted(file));
    }
    Vocabulary vocabulary = Vocabulary.read(file);
    Set<Integer> endTokens = EndTokens.read(file.toAbsolutePath().resolveSibling(""), vocabulary);
    return new Tokenizer(file, load(file), vocabulary.size(), endTokens);
  }

  private static HuggingFaceTokenizer load(Path file) throws IOException {
    try {
      return HuggingFaceTokenizer.builder()
          .optTokenizerPath(file)
          .optAddSpecialTokens(false)
          .optTruncation(false)
          .optPadding(false)
          .build();
    } catch (RuntimeException e) {
      // The native library throws a plain RuntimeException for whatever it cannot parse.
      throw new IOException("%s: not a tokenizer: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** What the tokenizer's post-processor puts in front of a text, as before the letter "a" here. */
  private static int[] begin(HuggingFaceTokenizer tokenizer) {
    Encoding encoding = tokenizer.encode("a", true, false);
    long[] special = encoding.getSpecialTokenMask();
    int count = 0;
    while (count < special.length && special[count] == 1) {
      count++;
    }
    return Arrays.copyOf(ids(encoding), count);
  }

  /** The file that it was read from. */
  public Path file() {
    return file;
  }

  /** The token ids of {@code text}, a piece of a longer one; none for the empty text. */
  public int[] encode(String text) {
    return ids(encoding(text));
  }

  /**
   * The token ids of a whole text, or of its first piece: as {@link #encode} gives them, after the
   * tokens that the tokenizer begins texts with, such as {@code <bos>} of Gemma, unless the text
   * spells them itself. None for the empty text.
   */
  public int[] encodeText(String text) {
    int[] ids = encode(text);
    return begins(ids) ? ids : Ints.concat(begin, ids);
  }

  /** Whether nothing has to be put in front of a text. */
  private boolean begins(int[] ids) {
    return ids.length == 0 || Ints.indexOf(ids, begin) == 0;
  }

  private Encoding encoding(String text) {
    Lock reading = reading();
    try {
      return tokenizer.encode(text, false, false);
    } finally {
      reading.unlock();
      if (text.length() >= LONG_TEXT) {
        NativeHeap.trim(); // it took many times the size of the text
      }
    }
  }

  /**
   * A text as tokens.
   *
   * @param ids of the tokens
   * @param starts index in the text of the character with which each token begins, ascending
   */
  @SuppressWarnings("ArrayRecordComponent") // long texts; handed from one to the next
  public record Encoded(int[] ids, int[] starts) {

    /** How many tokens begin in front of a character. */
    public int tokensBefore(int character) {
      int at = Arrays.binarySearch(starts, character);
      while (at > 0 && starts[at - 1] == character) {
        at--;
      }
      return at < 0 ? -at - 1 : at;
    }
  }

  /** The tokens of a whole text as {@link #encodeText} gives them, and where they are in it. */
  public Encoded encodeWithPlaces(String text) {
    Encoding encoding = encoding(text);
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] starts = new int[spans.length];
    // Spans count Unicode characters, of which some take two Java characters.
    int character = 0;
    int index = 0;
    for (int i = 0; i < spans.length; i++) {
      index = text.offsetByCodePoints(index, spans[i].getStart() - character);
      character = spans[i].getStart();
      starts[i] = index;
    }
    int[] ids = ids(encoding);
    return begins(ids)
        ? new Encoded(ids, starts)
        : new Encoded(Ints.concat(begin, ids), Ints.concat(new int[begin.length], starts));
  }

  private static int[] ids(Encoding encoding) {
    return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * The text of {@code ids}, special tokens included. Bytes that are not UTF-8, such as those of a
   * character cut in two, become U+FFFD: {@link Utf8Stream} waits for the rest instead.
   *
   * @throws IllegalArgumentException when an id is not in the vocabulary
   */
  public String decode(int[] ids) {
    long[] widened = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabularySize) {
        throw new IllegalArgumentException(
            "token id must be from 0 to %d: %d".formatted(vocabularySize - 1, ids[i]));
      }
      widened[i] = ids[i];
    }
    Lock reading = reading();
    try {
      return tokenizer.decode(widened, false);
    } finally {
      reading.unlock();
    }
  }

  /**
   * One more than the highest token id, added tokens included. A model may have more logits than
   * this, because exporters round their number up.
   */
  public int vocabularySize() {
    return vocabularySize;
  }

  /**
   * The tokens that end a text, unmodifiable: all that {@code genai_config.json}, {@code
   * generation_config.json}, {@code tokenizer_config.json} and {@code special_tokens_map.json}
   * declare as such; when none of them does, the special tokens with one of the usual names, such
   * as {@code </s>}. May be empty.
   */
  public Set<Integer> endTokens() {
    return endTokens;
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      closed = true;
      tokenizer.close();
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Takes the lock that keeps the native tokenizer open; the caller unlocks it. */
  private Lock reading() {
    Lock reading = lock.readLock();
    reading.lock();
    if (closed) {
      reading.unlock();
      throw new IllegalStateException("tokenizer is closed");
    }
    return reading;
  }
}
