package dev.mneme.integration.generation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** How likely a token is, by the logits in front of it. */
public final class LogLikelihood {

  private LogLikelihood() {}

  /**
   * Natural logarithm of the token's probability, the softmax of the logits.
   *
   * @param logits one float a vocabulary entry
   */
  public static float of(MemorySegment logits, int token) {
    long size = logits.byteSize() / Float.BYTES;
    float largest = Float.NEGATIVE_INFINITY;
    for (long i = 0; i < size; i++) {
      largest = Math.max(largest, logits.getAtIndex(JAVA_FLOAT, i));
    }
    double sum = 0;
    for (long i = 0; i < size; i++) {
      sum += Math.exp(logits.getAtIndex(JAVA_FLOAT, i) - largest);
    }
    return (float) (logits.getAtIndex(JAVA_FLOAT, token) - largest - Math.log(sum));
  }
}
