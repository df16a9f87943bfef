package dev.mneme.benchmarks.recall;

import static java.util.Objects.requireNonNull;

import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.baseline.UncutModel;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.benchmarks.task.Span;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.cli.ResidentMemory;
import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Asks one model samples in one mode and measures while it does. Not thread-safe. */
final class Recall implements AutoCloseable {

  private final MnemeModel model;
  private final Mode mode;
  private final @Nullable SharedPrefix prefix;
  private final @Nullable UncutModel uncut;
  private final ResidentMemory memory = ResidentMemory.ofThisProcess();

  /**
   * Prepares a mode.
   *
   * @param model kept open by the caller
   * @param capacity most tokens of a prompt and its answer, for the uncut model
   */
  Recall(MnemeModel model, Mode mode, int capacity) throws IOException {
    this.model = model;
    this.mode = mode;
    prefix =
        mode == Mode.FULL ? null : new SharedPrefix(model, mode.memory(model.config().memory()));
    uncut =
        mode == Mode.FULL
            ? UncutModel.open(model.graph(), model.runtime(), capacity, model.config().chunk())
            : null;
  }

  /**
   * Reads a prompt, generates the answer and judges it.
   *
   * @param prompt the sample's tokens
   * @param next those of the sample that is asked next; null for none
   */
  RecallRow ask(Sample sample, int[] prompt, int @Nullable [] next) {
    System.gc(); // the peak is to be this sample's, not what earlier ones left to collect
    memory.resetPeak();
    int before = prefix == null ? 0 : prefix.tokens(prompt);
    long start = System.nanoTime();
    try (ReadingProgress progress = ReadingProgress.start(sample.id(), before, prompt.length);
        Reader reader = reader(prompt, next, progress)) {
      reader.read(prompt, progress);
      long read = System.nanoTime();
      Span needle = sample.needle();
      Double found = needle == null ? null : visibleShare(reader, sample, needle);
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
          sample.id(),
          sample.task(),
          prompt.length,
          sample.depth(),
          mode.name().toLowerCase(Locale.ROOT),
          sample.hit(completion),
          completion,
          found,
          (prompt.length - before) / ((read - start) / 1e9),
          (end - answering) / 1e6 / Math.max(1, length),
          memory.peak());
    }
  }

  private Reader reader(int[] prompt, int @Nullable [] next, ReadingProgress progress) {
    return uncut != null
        ? new UncutReader(model, uncut)
        : new SessionReader(requireNonNull(prefix).begin(prompt, next, progress));
  }

  private @Nullable Double visibleShare(Reader reader, Sample sample, Span needle) {
    int from = model.tokenizer().encode(sample.context().substring(0, needle.start())).length;
    int to = model.tokenizer().encode(sample.context().substring(0, needle.end())).length;
    return reader.visibleShare(from, to);
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
