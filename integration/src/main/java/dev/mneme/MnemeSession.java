package dev.mneme;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.generation.Sampler;
import dev.mneme.integration.runtime.TokenReader;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One conversation or document: what was read, its memory and its position.
 *
 * <p>Text is appended piece by piece; how it is cut into pieces changes nothing. Tokens are read in
 * query blocks that share one choice of far blocks; the last token of a prompt, and each generated
 * one, choose for themselves.
 *
 * <p>Safe to call from several threads, one call at a time: a call waits for the one before it.
 * Closed by whoever opened it, or with its model.
 */
public final class MnemeSession implements AutoCloseable {

  private final MnemeModel model;
  private final TokenReader reader;
  private final MemoryConfig config;
  private final int chunk;
  private final long maxMemoryBytes;
  private final long blockBytes;

  private final float[] logits;

  /** Every token appended or generated, in the first {@link #tokens} entries. */
  private int[] history = new int[1024];

  private int tokens;

  /** Tokens of the history that were read; the rest wait for the next call. */
  private int read;

  private boolean closed;
  private @Nullable RuntimeException failure;

  MnemeSession(MnemeModel model, TokenReader reader, MemoryConfig config, int chunk) {
    this.model = model;
    this.reader = reader;
    this.config = config;
    this.chunk = chunk;
    maxMemoryBytes = model.config().maxMemoryBytes();
    blockBytes = model.blockBytes(config);
    logits = new float[model.graph().vocabularySize()];
  }

  /** Number of tokens appended and generated. */
  public synchronized int tokens() {
    return tokens;
  }

  /** Appends text, encoded without special tokens of its own. */
  public void append(String text) {
    append(model.tokenizer().encode(text));
  }

  /** Appends tokens. */
  public void append(int... tokens) {
    append(tokens, read -> {});
  }

  /**
   * Appends tokens. The end of them may wait to be read until it is known what follows.
   *
   * @param progress told the number of tokens read so far, after each chunk
   * @throws IllegalArgumentException if there are none, one is not in the vocabulary or the memory
   *     would exceed its limit; the session is then as it was
   */
  public synchronized void append(int[] more, IntConsumer progress) {
    checkUsable();
    checkArgument(more.length > 0, "nothing to append: no tokens");
    int vocabulary = model.graph().vocabularySize();
    for (int token : more) {
      checkArgument(
          token >= 0 && token < vocabulary, "token id must be 0 to %s: %s", vocabulary - 1, token);
    }
    checkRoom(more.length);
    for (int token : more) {
      add(token);
    }
    while (tokens - read - chunk >= heldBack()) {
      read(chunk);
      progress.accept(read);
    }
  }

  /** Refuses tokens that would not fit, before anything is read. */
  private void checkRoom(int more) {
    long needed = (tokens + (long) more) * blockBytes / config.blockSize();
    checkArgument(
        config.topK() == 0 || needed <= maxMemoryBytes,
        "%s tokens after %s need %s MiB of memory, more than maxMemoryMiB %s",
        more,
        tokens,
        needed >> 20,
        maxMemoryBytes >> 20);
  }

  /** Tokens that are read only when it is known that they end a prompt. */
  private int heldBack() {
    return Math.max(1, config.sharpTail());
  }

  /**
   * Logits of the token that follows everything appended so far.
   *
   * @return one float a vocabulary entry; a copy
   * @throws IllegalStateException if nothing was appended
   */
  public synchronized float[] logits() {
    return nextLogits().clone();
  }

  /** Appends tokens and gives the logits of the token that follows them. */
  public synchronized float[] logits(int... tokens) {
    append(tokens);
    return logits();
  }

  /**
   * Starts to generate what follows. Tokens are made as the result is iterated; generated tokens
   * become part of the session.
   *
   * @throws IllegalStateException if nothing was appended
   */
  public synchronized Generation generate(GenerationOptions options) {
    checkUsable();
    checkState(tokens > 0, "nothing to continue: the prompt is empty");
    return new Generation(this, model.tokenizer(), options);
  }

  /**
   * Passages of far memory that the last token attended, the most attended first; for loops of
   * one's own. A {@link Generation} has those of a whole answer.
   *
   * @throws IllegalStateException if nothing was appended
   */
  public synchronized List<Passage> passages() {
    checkUsable();
    checkState(tokens > 0, "nothing was attended: the session is empty");
    TraceRecorder last = newTrace();
    trace(last, tokens - 1);
    return last.trace().passages();
  }

  /**
   * Share of the layers in which the last token could see all of a span: as sinks, in chosen
   * blocks, or among the newest tokens.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @return 0 to 1
   */
  public synchronized double visibleShare(int from, int to) {
    checkUsable();
    MemoryAttention memory = reader.memory();
    int layers = 0;
    for (int layer = 0; layer < memory.layers(); layer++) {
      if (memory.sees(layer, from, to)) {
        layers++;
      }
    }
    return (double) layers / memory.layers();
  }

  /** Text of the tokens from {@code from} inclusive to {@code to} exclusive. */
  public synchronized String text(int from, int to) {
    checkArgument(
        0 <= from && from <= to && to <= tokens,
        "tokens must lie in 0 to %s: %s to %s",
        tokens,
        from,
        to);
    return model.tokenizer().decode(Arrays.copyOfRange(history, from, to));
  }

  /** Bytes that the memory holds outside the heap. */
  public synchronized long memoryBytes() {
    checkUsable();
    return reader.memory().residentBytes();
  }

  /** The tokens so far, and the logits after them; the array is valid until the next call. */
  synchronized float[] nextLogits() {
    checkUsable();
    checkState(tokens > 0, "nothing to continue: the prompt is empty");
    int waiting = tokens - read;
    if (waiting > 0) {
      int sharp = Math.min(waiting, heldBack());
      while (waiting > sharp) {
        read(Math.min(chunk, waiting - sharp));
        waiting = tokens - read;
      }
      while (waiting > 1) {
        read(Math.min(config.sharpBlock(), waiting - 1));
        waiting = tokens - read;
      }
      read(1);
      compute(() -> reader.logits(logits));
    }
    return logits;
  }

  /**
   * Chooses the next token and, unless it ends the text, makes it part of the session.
   *
   * @param trace receives what was attended for it, null for no trace
   */
  synchronized int generate(
      Sampler sampler, Set<Integer> stopTokens, @Nullable TraceRecorder trace) {
    int token = sampler.next(FloatBuffer.wrap(nextLogits()), history, tokens);
    if (!stopTokens.contains(token)) {
      checkRoom(1);
      add(token);
      if (trace != null) {
        trace(trace, tokens - 1);
      }
    }
    return token;
  }

  TraceRecorder newTrace() {
    return new TraceRecorder(reader.memory().layers());
  }

  /** Records a token of the history, and what the last token read attended. */
  private void trace(TraceRecorder trace, int position) {
    MemoryAttention memory = reader.memory();
    trace.add(
        history[position],
        position,
        text(position, position + 1),
        memory,
        block -> {
          int from = memory.blockStart(block);
          int to = from + config.blockSize();
          return new Trace.Block(block, from, to, text(from, to));
        });
  }

  int vocabularySize() {
    return logits.length;
  }

  private void add(int token) {
    if (tokens == history.length) {
      history = Arrays.copyOf(history, 2 * tokens);
    }
    history[tokens++] = token;
  }

  private void read(int count) {
    compute(() -> reader.read(history, read, read + count));
    read += count;
  }

  private void compute(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      failure = e;
      throw e;
    }
  }

  private void checkUsable() {
    checkState(!closed, "the session is closed");
    if (failure != null) {
      throw new IllegalStateException(
          "the session failed and can only be closed: " + failure.getMessage(), failure);
    }
  }

  /** Waits for the running call and frees the memory; closing twice is harmless. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      reader.close();
      model.forget(this);
    }
  }
}
