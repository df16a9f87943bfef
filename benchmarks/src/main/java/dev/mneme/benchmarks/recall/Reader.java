package dev.mneme.benchmarks.recall;

import dev.mneme.attention.Stage;
import java.time.Duration;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** One text read by one model in one mode. Not thread-safe. */
public sealed interface Reader extends AutoCloseable permits SessionReader, UncutReader {

  /**
   * Reads a prompt and computes the logits that follow it.
   *
   * @param progress told the number of tokens read so far
   */
  void read(int[] prompt, IntConsumer progress);

  /** The most likely next token, the lowest of equals. */
  int best();

  /** Reads one token more. */
  void feed(int token);

  /**
   * Share of the layers in which the last token of the prompt could see all of a span; null where
   * that is not known.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   */
  @Nullable Double visibleShare(int from, int to);

  /** What reading took its time for, stage by stage; empty where that is not known. */
  Map<Stage, Duration> times();

  @Override
  void close();
}
