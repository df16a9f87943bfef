package dev.mneme.integration.cli;

import java.time.Duration;
import java.util.function.IntConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Shows how much of a text was read: a bar with tokens per second and resident memory on a
 * terminal, a line a minute and one at the end elsewhere. Takes the number of tokens read so far.
 */
public final class ReadingProgress implements IntConsumer, AutoCloseable {

  private static final long MINUTE = Duration.ofMinutes(1).toNanos();

  private final String name;
  private final int before;
  private final int total;
  private final long start = System.nanoTime();
  private final ResidentMemory memory = ResidentMemory.ofThisProcess();
  private final @Nullable ProgressBar bar;
  private int read;
  private long lastLine = start;

  private ReadingProgress(String name, int before, int total, @Nullable ProgressBar bar) {
    this.name = name;
    this.before = before;
    this.total = total;
    read = before;
    this.bar = bar;
  }

  /** Starts at the first token, on standard error. */
  public static ReadingProgress start(String name, int total) {
    return start(name, 0, total);
  }

  /**
   * Starts on standard error.
   *
   * @param before tokens that were read already
   * @param total tokens, those included
   */
  public static ReadingProgress start(String name, int before, int total) {
    boolean interactive = ConsoleProgress.ofStandardError().interactive();
    ProgressBar bar =
        interactive
            ? new ProgressBarBuilder()
                .setTaskName(name)
                .setInitialMax(total)
                .startsFrom(before, Duration.ZERO)
                .setUnit(" tokens", 1)
                .setUpdateIntervalMillis(250)
                .build()
            : null;
    return new ReadingProgress(name, before, total, bar);
  }

  @Override
  public void accept(int tokens) {
    read = tokens;
    if (bar != null) {
      bar.stepTo(tokens);
      bar.setExtraMessage(
          "%.0f tokens/s, %d MiB resident".formatted(tokensPerSecond(), memory.current() >> 20));
    } else if (System.nanoTime() - lastLine >= MINUTE) {
      printLine();
    }
  }

  private double tokensPerSecond() {
    return (read - before) / ((System.nanoTime() - start) / 1e9);
  }

  private void printLine() {
    lastLine = System.nanoTime();
    System.err.printf(
        "%s: %d of %d tokens, %.0f tokens/s, %d MiB resident%n",
        name, read, total, tokensPerSecond(), memory.current() >> 20);
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    } else if (read > before) {
      printLine();
    }
  }
}
