package dev.mneme;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Stage;
import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.generation.LogLikelihood;
import dev.mneme.integration.generation.Sampler;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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

  private final BlockPrecision precision;
  private final @Nullable MemoryFolder folder;
  private final int commitTokens;

  /** Whether blocks that are formed are kept in memory, which has a limit. */
  private final boolean limited;

  /** Tokens in front of those whose blocks count against that limit. */
  private int unlimitedTokens;

  private float[] logits = {};

  /** Tokens in front of what {@link #logits} foretell. */
  private int logitsAfter;

  /** Every token appended or generated, in the first {@link #tokens} entries. */
  private int[] history = new int[1024];

  private int tokens;

  /** Tokens of the history that were read; the rest wait for the next call. */
  private int read;

  /** Tokens read when the folder was last committed. */
  private int committed;

  /** Whether a fork has the same arrays of history and logits, which then must not be written. */
  private boolean shared;

  private boolean closed;
  private @Nullable Throwable failure;

  /** Makes a session; {@code folder} is where it is committed, closed with the reader's memory. */
  MnemeSession(
      MnemeModel model,
      TokenReader reader,
      MemoryConfig config,
      BlockPrecision precision,
      int chunk,
      @Nullable MemoryFolder folder) {
    this.model = model;
    this.reader = reader;
    this.config = config;
    this.precision = precision;
    this.chunk = chunk;
    this.folder = folder;
    maxMemoryBytes = model.config().maxMemoryBytes();
    blockBytes = model.blockBytes(config, precision);
    commitTokens = model.config().commitTokens();
    limited = folder == null && model.config().maxResidentBytes() == 0;
  }

  /**
   * A session that has read the same text: one document, many questions. Its far memory is shared,
   * and the rest is copied when one of the two reads on; what happens to one changes nothing in the
   * other. It is not tied to the folder of this session.
   */
  public synchronized MnemeSession fork() {
    checkUsable();
    TokenReader forked = reader.fork(model.ownStores(config, precision));
    MnemeSession fork = new MnemeSession(model, forked, config, precision, chunk, null);
    shared = true;
    fork.shared = true;
    fork.history = history;
    fork.tokens = tokens;
    fork.read = read;
    fork.logits = logits;
    fork.logitsAfter = logitsAfter;
    fork.unlimitedTokens = limited ? unlimitedTokens : read;
    return model.track(fork);
  }

  /**
   * Commits everything up to now to the session's folder.
   *
   * @throws IllegalStateException if it has none: see {@link MnemeModel#newSession(Path)}
   * @throws UncheckedIOException if the disk is full or fails; what was committed before stays
   */
  public synchronized void save() {
    checkUsable();
    MemoryFolder own = folder;
    checkState(own != null, "the session has no folder: name one to save it");
    try {
      own.commit(reader.memory().blocks(), this::save);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot save to %s: %s".formatted(own.folder(), e.getMessage()), e);
    }
    committed = read;
  }

  /**
   * Saves a copy of everything up to now; {@link MnemeModel#restore} opens it. The folder of the
   * session itself is committed, as by {@link #save()}.
   *
   * @param to absent or empty; it appears when all of the copy is there
   * @throws IOException if it cannot be written
   */
  public synchronized void save(Path to) throws IOException {
    checkUsable();
    if (folder != null && to.toAbsolutePath().equals(folder.folder().toAbsolutePath())) {
      save();
      return;
    }
    SessionFolder.write(to, model.emptyManifest(config, precision), reader.memory(), this::save);
  }

  private void save(StateOutput output) throws IOException {
    output.writeInt(tokens);
    output.writeInt(read);
    output.write(MemorySegment.ofArray(history).asSlice(0, (long) tokens * Integer.BYTES));
    if (read == tokens) {
      output.write(MemorySegment.ofArray(logits));
    }
    reader.save(output);
  }

  /** Reads what was saved; nothing, as it is a method to hand on. */
  synchronized Void restore(StateInput input) throws IOException {
    tokens = input.readInt();
    read = input.readInt();
    committed = read;
    history = new int[Math.max(1024, tokens)];
    input.read(MemorySegment.ofArray(history).asSlice(0, (long) tokens * Integer.BYTES));
    if (read == tokens && tokens > 0) {
      logits = new float[vocabularySize()];
      input.read(MemorySegment.ofArray(logits));
      logitsAfter = read;
    }
    reader.restore(input);
    return null;
  }

  /**
   * Makes the text of this session equal to {@code text}, reading only what it has not read: as a
   * chat whose every turn begins with all turns before.
   *
   * @throws IllegalArgumentException if {@code text} differs or ends within what was read already;
   *     the session is then as it was. A {@linkplain #fork fork} made before that place can go on
   *     from it
   */
  public synchronized void continueTo(int[] text, IntConsumer progress) {
    checkUsable();
    int common = Arrays.mismatch(history, 0, tokens, text, 0, text.length);
    common = common < 0 ? tokens : common;
    checkArgument(
        common > read || (common == read && (common < text.length || common == logitsAfter)),
        "the text %s at token %s, but %s were read and cannot be unread: fork the session"
            + " before a place that may change",
        common < text.length ? "differs" : "ends",
        common,
        read);
    if (common == text.length) {
      tokens = common;
      return;
    }
    int[] more = Arrays.copyOfRange(text, common, text.length);
    checkTokens(more);
    checkRoom(common, more.length);
    tokens = common;
    readOn(more, progress);
  }

  /**
   * The model's configuration with the memory configuration and precision of this session, which
   * are those of its folder where it was restored.
   */
  public MnemeConfig madeWith() {
    return model.config().toBuilder().memory(config).blockPrecision(precision).build();
  }

  /** Number of tokens appended and generated. */
  public synchronized int tokens() {
    return tokens;
  }

  /**
   * Appends text. The first one of a session begins with what the tokenizer puts in front of texts,
   * such as {@code <bos>} of Gemma.
   */
  public synchronized void append(String text) {
    append(tokens == 0 ? model.tokenizer().encodeText(text) : model.tokenizer().encode(text));
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
    checkTokens(more);
    checkRoom(tokens, more.length);
    readOn(more, progress);
  }

  private void readOn(int[] more, IntConsumer progress) {
    for (int token : more) {
      add(token);
    }
    while (tokens - read - chunk >= heldBack()) {
      read(chunk);
      commitIfDue();
      progress.accept(read);
    }
  }

  private void checkTokens(int[] more) {
    checkArgument(more.length > 0, "nothing to append: no tokens");
    int vocabulary = vocabularySize();
    for (int token : more) {
      checkArgument(
          token >= 0 && token < vocabulary, "token id must be 0 to %s: %s", vocabulary - 1, token);
    }
  }

  /** Refuses tokens that would not fit, before anything is read. */
  private void checkRoom(int before, int more) {
    long needed = (before - unlimitedTokens + (long) more) * blockBytes / config.blockSize();
    checkArgument(
        config.topK() == 0 || !limited || needed <= maxMemoryBytes,
        "%s tokens after %s need %s MiB of memory, more than maxMemoryMiB %s",
        more,
        before,
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
   * Appends tokens and tells how likely the model found each of them after all in front of it: for
   * perplexity, or to choose among answers.
   *
   * @return natural logarithms of probabilities, one for each token; NaN for the first token of a
   *     text, which follows nothing
   */
  public synchronized float[] logLikelihoods(int... more) {
    float[] result = new float[more.length];
    checkUsable();
    checkTokens(more);
    checkRoom(tokens, more.length);
    result[0] =
        tokens == 0 ? Float.NaN : LogLikelihood.of(MemorySegment.ofArray(nextLogits()), more[0]);
    int first = tokens;
    for (int token : more) {
      add(token);
    }
    while (read < tokens) {
      int from = read - first + 1;
      read(Math.min(chunk, tokens - read));
      ownLogits();
      compute(() ->
          reader.eachLogits((row, number) -> {
            if (from + number < more.length) {
              result[from + number] = LogLikelihood.of(row, more[from + number]);
            } else {
              MemorySegment.copy(row, JAVA_FLOAT, 0, logits, 0, logits.length);
            }
          }));
      logitsAfter = read;
      commitIfDue();
    }
    return result;
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
   * one's own. A {@link Generation} has those of a whole answer. A restored session knows none
   * before it reads a token.
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
   * blocks, or among the newest tokens. A restored session knows no chosen blocks before it reads a
   * token.
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

  /** Bytes that the memory holds. */
  public synchronized long memoryBytes() {
    checkUsable();
    return reader.residentBytes();
  }

  /** What the time of this session went into while it read. */
  public synchronized Map<Stage, Duration> times() {
    return reader.memory().clock().times();
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
      ownLogits();
      compute(() -> reader.next(history, read, logits));
      read++;
      logitsAfter = read;
      commitIfDue();
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
      checkRoom(tokens, 1);
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
    return model.graph().vocabularySize();
  }

  private void add(int token) {
    own();
    if (tokens == history.length) {
      history = Arrays.copyOf(history, 2 * tokens);
    }
    history[tokens++] = token;
  }

  /** Copies what is shared with forks. */
  private void own() {
    if (shared) {
      history = history.clone();
      logits = logits.clone();
      shared = false;
    }
  }

  /** Makes sure that there are logits to write, which no fork shares. */
  private void ownLogits() {
    own();
    if (logits.length == 0) {
      logits = new float[vocabularySize()];
    }
  }

  private void read(int count) {
    compute(() -> reader.read(history, read, read + count));
    read += count;
  }

  /**
   * Commits to the session's folder, if it has one and read enough; not between read and logits.
   */
  private void commitIfDue() {
    if (folder != null
        && folder.access() == Access.READ_WRITE
        && commitTokens > 0
        && read - committed >= commitTokens) {
      compute(this::save);
    }
  }

  private void compute(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException | Error e) {
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
      try {
        reader.close();
      } finally {
        model.forget(this);
      }
    }
  }
}
