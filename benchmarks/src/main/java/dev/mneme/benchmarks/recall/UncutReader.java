package dev.mneme.benchmarks.recall;

import dev.mneme.MnemeModel;
import dev.mneme.attention.Stage;
import dev.mneme.integration.runtime.UncutModel;
import java.time.Duration;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A text read by the uncut model. */
public final class UncutReader implements Reader {

  private final MnemeModel model;
  private final UncutModel uncut;
  private final float[] logits;

  /**
   * Reads with a model that others may use afterwards.
   *
   * @param uncut cleared first, kept open by the caller
   */
  public UncutReader(MnemeModel model, UncutModel uncut) {
    this.model = model;
    this.uncut = uncut;
    uncut.clear();
    logits = new float[model.graph().vocabularySize()];
  }

  @Override
  public void read(int[] prompt, IntConsumer progress) {
    int chunk = model.config().chunk();
    for (int from = 0; from < prompt.length; from += chunk) {
      int to = Math.min(prompt.length, from + chunk);
      uncut.read(prompt, from, to);
      progress.accept(to);
    }
    uncut.logits(logits);
  }

  @Override
  public int best() {
    return Greedy.best(logits);
  }

  @Override
  public void feed(int token) {
    uncut.read(new int[] {token}, 0, 1);
    uncut.logits(logits);
  }

  @Override
  public @Nullable Double visibleShare(int from, int to) {
    return null;
  }

  @Override
  public Map<Stage, Duration> times() {
    return Map.of();
  }

  @Override
  public void close() {}
}
