package dev.mneme.benchmarks.perplexity;

import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.benchmarks.recall.Mode;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.generation.LogLikelihood;
import dev.mneme.integration.runtime.UncutModel;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntPredicate;

/** Logarithms of the probabilities of a text's tokens, each after all in front of it. */
final class Likelihoods {

  private Likelihoods() {}

  /**
   * Reads a text in one mode.
   *
   * @return natural logarithms, one a token; NaN for the first
   */
  static float[] of(MnemeModel model, Mode mode, int[] text) throws IOException {
    return of(model, mode, text, chunk -> true);
  }

  /**
   * Reads a text in one mode and foretells parts of it.
   *
   * @param wanted whether the tokens of a chunk, given by its first, are to be foretold; the uncut
   *     model foretells all
   * @return natural logarithms, one a token; NaN for the first and those not wanted
   */
  static float[] of(MnemeModel model, Mode mode, int[] text, IntPredicate wanted)
      throws IOException {
    float[] all = new float[text.length];
    Arrays.fill(all, Float.NaN);
    int chunk = model.config().chunk();
    try (ReadingProgress progress = ReadingProgress.start(mode.label(), text.length)) {
      if (mode == Mode.FULL) {
        uncut(model, text, all, chunk, progress);
        return all;
      }
      try (MnemeSession session = model.newSession(mode.memory(model.config().memory()))) {
        for (int from = 0; from < text.length; from += chunk) {
          int to = Math.min(text.length, from + chunk);
          int[] part = Arrays.copyOfRange(text, from, to);
          if (wanted.test(from)) {
            System.arraycopy(session.logLikelihoods(part), 0, all, from, part.length);
          } else {
            session.append(part);
          }
          progress.accept(to);
        }
      }
    }
    return all;
  }

  private static void uncut(
      MnemeModel model, int[] text, float[] all, int chunk, ReadingProgress progress)
      throws IOException {
    try (UncutModel uncut = UncutModel.open(model.graph(), model.runtime(), text.length, chunk)) {
      for (int from = 0; from < text.length; from += chunk) {
        int to = Math.min(text.length, from + chunk);
        uncut.read(text, from, to);
        for (int next = from + 1; next <= to && next < text.length; next++) {
          all[next] = LogLikelihood.of(uncut.logits(next - 1 - from), text[next]);
        }
        progress.accept(to);
      }
    }
  }

  /** Perplexity of the tokens from {@code from} inclusive to {@code to} exclusive. */
  static double perplexity(float[] likelihoods, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) {
      sum += likelihoods[i];
    }
    return Math.exp(-sum / (to - from));
  }
}
