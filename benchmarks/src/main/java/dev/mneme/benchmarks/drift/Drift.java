package dev.mneme.benchmarks.drift;

import dev.mneme.benchmarks.recall.Greedy;
import java.util.List;

/**
 * How far logits are from reference logits of the same texts.
 *
 * @param positions how many vectors of logits were compared
 * @param sameBest share of them, 0 to 1, whose largest logit is that of the reference
 * @param mean mean absolute difference of a logit
 * @param largest largest absolute difference of a logit
 * @param divergence mean Kullback-Leibler divergence from the reference's distribution, in nats
 */
record Drift(int positions, double sameBest, double mean, double largest, double divergence) {

  /** Compares vectors of equal length, at least one. */
  static Drift between(List<float[]> reference, List<float[]> logits) {
    int same = 0;
    double sum = 0;
    double largest = 0;
    double divergence = 0;
    long count = 0;
    for (int i = 0; i < reference.size(); i++) {
      float[] expected = reference.get(i);
      float[] actual = logits.get(i);
      for (int token = 0; token < expected.length; token++) {
        double difference = Math.abs(expected[token] - actual[token]);
        sum += difference;
        largest = Math.max(largest, difference);
      }
      count += expected.length;
      same += Greedy.best(expected) == Greedy.best(actual) ? 1 : 0;
      divergence += divergence(expected, actual);
    }
    int positions = reference.size();
    return new Drift(
        positions, (double) same / positions, sum / count, largest, divergence / positions);
  }

  private static double divergence(float[] expected, float[] actual) {
    double expectedTotal = logSumExp(expected);
    double actualTotal = logSumExp(actual);
    double divergence = 0;
    for (int token = 0; token < expected.length; token++) {
      double logP = expected[token] - expectedTotal;
      double logQ = actual[token] - actualTotal;
      divergence += Math.exp(logP) * (logP - logQ);
    }
    return divergence;
  }

  private static double logSumExp(float[] logits) {
    double max = logits[Greedy.best(logits)];
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    return max + Math.log(sum);
  }
}
