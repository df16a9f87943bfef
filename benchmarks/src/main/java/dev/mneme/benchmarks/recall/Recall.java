package dev.mneme.benchmarks.recall;

import static java.util.Objects.requireNonNull;

import dev.mneme.MnemeConfig;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.cli.ResidentMemory;
import dev.mneme.integration.runtime.UncutModel;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.store.NativeHeap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Asks one model samples in one mode and measures while it does. Not thread-safe. */
final class Recall implements AutoCloseable {

  private final MnemeModel model;
  private final Mode mode;
  private final String run;
  private final String settings;
  private final @Nullable Path folder;
  private final NeedleBlocks oracle;
  private String lastContext = "";
  private int[] lastContextTokens = {};
  private final @Nullable SharedPrefix prefix;
  private final @Nullable UncutModel uncut;
  private final ResidentMemory memory = ResidentMemory.ofThisProcess();

  /**
   * Prepares a mode.
   *
   * @param model kept open by the caller
   * @param run what the rows belong to
   * @param settings what sets the configuration apart from others of the run
   * @param folder keeps what prompts have in common, in mode memory; null for nothing
   * @param capacity most tokens of a prompt and its answer, for the uncut model
   */
  Recall(
      MnemeModel model, Mode mode, String run, String settings, @Nullable Path folder, int capacity)
      throws IOException {
    this.model = model;
    this.mode = mode;
    this.run = run;
    this.settings = settings;
    this.folder = mode == Mode.MEMORY ? folder : null;
    oracle = new NeedleBlocks(model.config().memory());
    prefix = mode == Mode.FULL ? null : new SharedPrefix(this::session, this.folder != null);
    uncut =
        mode == Mode.FULL
            ? UncutModel.open(model.graph(), model.runtime(), capacity, model.config().chunk())
            : null;
  }

  private MnemeSession session() {
    if (folder != null) {
      try {
        return MemoryFolder.exists(folder) ? restored(folder) : model.newSession(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
    }
    MemoryConfig config = mode.memory(model.config().memory());
    return switch (mode) {
      case RANDOM -> model.newSession(config, new RandomBlocks());
      case ORACLE -> model.newSession(config, oracle);
      default -> model.newSession(config);
    };
  }

  /** The session of a folder, which must be of the model's configuration: rows tell that one. */
  private MnemeSession restored(Path kept) throws IOException {
    MnemeSession session = model.restore(kept);
    MnemeConfig made = session.madeWith();
    if (!made.equals(model.config())) {
      session.close();
      throw new IOException(
          "%s was made with another configuration: %s"
              .formatted(kept, String.join(", ", made.differences(model.config()))));
    }
    return session;
  }

  private Question question(Sample sample) {
    if (mode == Mode.RAG) {
      return Question.ofPassages(sample, model.tokenizer(), Mode.budget(model.config().memory()));
    }
    Question question = Question.whole(sample, model.tokenizer());
    if (mode == Mode.ORACLE) {
      oracle.aim(question.needles(), question.contextLength());
    }
    return question;
  }

  /**
   * Reads a prompt, generates the answer and judges it.
   *
   * @param next the sample that is asked next; null for none
   */
  RecallRow ask(Sample sample, @Nullable Sample next) {
    Question question = question(sample);
    int[] prompt = question.tokens();
    // The peak is to be this sample's, not what earlier ones left to collect.
    System.gc();
    NativeHeap.trim();
    memory.resetPeak();
    int before = prefix == null ? 0 : prefix.tokens(prompt);
    long start = System.nanoTime();
    try (ReadingProgress progress = ReadingProgress.start(sample.id(), before, prompt.length);
        Reader reader = reader(prompt, sample, next, progress)) {
      reader.read(prompt, progress);
      long read = System.nanoTime();
      Double found = mode == Mode.RAG ? question.found() : visibleShare(reader, question.needles());
      long answering = System.nanoTime();
      int[] answer = new int[sample.maxNewTokens()];
      int length = 0;
      while (length < answer.length) {
        int token = reader.best();
        if (model.tokenizer().endTokens().contains(token)) {
          break;
        }
        answer[length++] = token;
        reader.feed(token);
      }
      long end = System.nanoTime();
      String completion = model.tokenizer().decode(Arrays.copyOf(answer, length));
      return new RecallRow(
          run,
          settings,
          sample.id(),
          sample.task(),
          question.length(),
          sample.depth(),
          mode.label(),
          sample.score(completion),
          completion,
          found,
          (prompt.length - before) / ((read - start) / 1e9),
          (end - answering) / 1e6 / Math.max(1, length),
          memory.peak());
    }
  }

  private Reader reader(
      int[] prompt, Sample sample, @Nullable Sample next, ReadingProgress progress) {
    if (uncut != null) {
      return new UncutReader(model, uncut);
    }
    return new SessionReader(
        requireNonNull(prefix).begin(prompt, following(sample, next), progress));
  }

  /** What of a prompt is worth keeping: what the next one begins with, or all but the question. */
  private int @Nullable [] following(Sample sample, @Nullable Sample next) {
    if (folder != null) {
      return contextTokens(sample.prompt().context());
    }
    return next == null || mode == Mode.RAG
        ? null
        : model.tokenizer().encodeText(next.prompt().text());
  }

  /** The tokens of a context; that of the question before is kept, as it is often the same. */
  private int[] contextTokens(String context) {
    if (!context.equals(lastContext)) {
      lastContext = context;
      lastContextTokens = model.tokenizer().encodeText(context);
    }
    return lastContextTokens;
  }

  /** The mean over the needles; null where there are none or it is not known. */
  private static @Nullable Double visibleShare(Reader reader, List<TokenSpan> needles) {
    double sum = 0;
    for (TokenSpan needle : needles) {
      Double share = reader.visibleShare(needle.from(), needle.to());
      if (share == null) {
        return null;
      }
      sum += share;
    }
    return needles.isEmpty() ? null : sum / needles.size();
  }

  @Override
  public void close() {
    if (prefix != null) {
      prefix.close();
    }
    if (uncut != null) {
      uncut.close();
    }
  }
}
