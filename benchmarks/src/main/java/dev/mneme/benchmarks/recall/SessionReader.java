package dev.mneme.benchmarks.recall;

import dev.mneme.MnemeSession;
import dev.mneme.attention.Stage;
import java.time.Duration;
import java.util.Map;
import java.util.function.IntConsumer;

/** A text read through a memory. */
public final class SessionReader implements Reader {

  private final MnemeSession session;
  private float[] logits = {};

  /** Goes on from what a session has read; closed with this reader. */
  public SessionReader(MnemeSession session) {
    this.session = session;
  }

  @Override
  public void read(int[] prompt, IntConsumer progress) {
    session.continueTo(prompt, progress);
    logits = session.logits();
    progress.accept(prompt.length);
  }

  @Override
  public int best() {
    return Greedy.best(logits);
  }

  @Override
  public void feed(int token) {
    logits = session.logits(token);
  }

  @Override
  public Double visibleShare(int from, int to) {
    return session.visibleShare(from, to);
  }

  @Override
  public Map<Stage, Duration> times() {
    return session.times();
  }

  @Override
  public void close() {
    session.close();
  }
}
