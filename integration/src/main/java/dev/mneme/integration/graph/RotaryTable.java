package dev.mneme.integration.graph;

import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * Rotary position embedding (Su et al. 2021, "RoFormer") of one layer.
 *
 * <p>At position {@code p} the pair {@code j} of a head, {@code (a, b)}, becomes {@code magnitude *
 * (a cos t - b sin t, a sin t + b cos t)} with {@code t = p * inverseFrequencies[j]}. Elements from
 * {@code rotaryDim} on stay as they are.
 *
 * @param inverseFrequencies radians per position, one for each of the {@code rotaryDim / 2} pairs
 * @param magnitude factor of rotated elements, 1 unless the model's context was extended by a
 *     method that scales them
 * @param interleaved whether pair {@code j} is elements {@code (2j, 2j + 1)} of the head; otherwise
 *     it is {@code (j, j + rotaryDim / 2)}
 * @param rotaryDim how many leading elements of a head are rotated, even; 0 for a layer without
 *     positions
 */
@SuppressWarnings("ArrayRecordComponent") // Copied on the way in and out, compared by content.
public record RotaryTable(
    double[] inverseFrequencies, float magnitude, boolean interleaved, int rotaryDim) {

  /** The relative deviation up to which frequencies count as powers of one base: float32's. */
  private static final double GEOMETRIC_TOLERANCE = 1e-5;

  /** Rotates nothing. */
  public static final RotaryTable NONE = new RotaryTable(new double[0], 1f, false, 0);

  /** Checks that there is a frequency for each pair and copies them. */
  public RotaryTable {
    if (rotaryDim != 2 * inverseFrequencies.length) {
      throw new IllegalArgumentException(
          "rotaryDim must be twice the number of frequencies: %d and %d"
              .formatted(rotaryDim, inverseFrequencies.length));
    }
    inverseFrequencies = inverseFrequencies.clone();
  }

  /** Returns a copy. */
  @Override
  public double[] inverseFrequencies() {
    return inverseFrequencies.clone();
  }

  /**
   * The base ("theta") of which the frequencies are powers, {@code base^(-2j / rotaryDim)}; empty
   * if they are not, as after Llama 3's scaling.
   */
  public OptionalDouble base() {
    if (rotaryDim < 4) {
      return OptionalDouble.empty();
    }
    int last = inverseFrequencies.length - 1;
    double ratio = Math.pow(inverseFrequencies[last], 1.0 / last);
    for (int j = 0; j <= last; j++) {
      double expected = Math.pow(ratio, j);
      if (!(Math.abs(inverseFrequencies[j] - expected) <= GEOMETRIC_TOLERANCE * expected)) {
        return OptionalDouble.empty();
      }
    }
    return OptionalDouble.of(Math.pow(ratio, -rotaryDim / 2.0));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RotaryTable that
        && Arrays.equals(inverseFrequencies, that.inverseFrequencies)
        && magnitude == that.magnitude
        && interleaved == that.interleaved
        && rotaryDim == that.rotaryDim;
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(inverseFrequencies)
        + Float.hashCode(magnitude)
        + Boolean.hashCode(interleaved);
  }

  @Override
  public String toString() {
    return "RotaryTable[rotaryDim=%d, interleaved=%b, magnitude=%s, inverseFrequencies=%s]"
        .formatted(rotaryDim, interleaved, magnitude, Arrays.toString(inverseFrequencies));
  }
}
