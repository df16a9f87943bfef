package dev.mneme.benchmarks.recall;

/** Greedy decoding. */
public final class Greedy {

  private Greedy() {}

  /** The token with the largest logit, the lowest of equals. */
  public static int best(float[] logits) {
    int best = 0;
    for (int token = 1; token < logits.length; token++) {
      if (logits[token] > logits[best]) {
        best = token;
      }
    }
    return best;
  }
}
