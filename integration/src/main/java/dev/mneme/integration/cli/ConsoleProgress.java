package dev.mneme.integration.cli;

import dev.mneme.integration.importer.Progress;
import java.io.Console;
import java.io.PrintStream;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/**
 * Shows progress to people: a bar on a terminal, one line for each task elsewhere.
 *
 * @param out where to, standard error as a rule
 * @param interactive whether {@code out} is a terminal
 */
public record ConsoleProgress(PrintStream out, boolean interactive) implements Progress {

  private static final int BYTES_PER_MB = 1 << 20;

  /** Progress on standard error. */
  @SuppressWarnings("SystemConsoleNull") // It is null again where jdk.console is java.base.
  public static ConsoleProgress ofStandardError() {
    Console console = System.console();
    return new ConsoleProgress(System.err, console != null && console.isTerminal());
  }

  @Override
  public Task start(String name, long totalBytes) {
    if (!interactive) {
      out.printf("%s (%d MB)%n", name, totalBytes / BYTES_PER_MB);
      return bytes -> {};
    }
    return new Bar(
        new ProgressBarBuilder()
            .setTaskName(name)
            .setInitialMax(totalBytes)
            .setUnit("MB", BYTES_PER_MB)
            .build());
  }

  private record Bar(ProgressBar bar) implements Task {
    @Override
    public void advance(long bytes) {
      bar.stepBy(bytes);
    }

    @Override
    public void close() {
      bar.close();
    }
  }
}
