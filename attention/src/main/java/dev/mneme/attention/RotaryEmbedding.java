package dev.mneme.attention;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * Rotary position embedding (RoPE, Su et al. 2021): channel pair {@code i} of a vector at position
 * {@code p} turns by the angle {@code p * inverseFrequencies[i]}.
 *
 * <p>Angles are reduced in double precision, so positions beyond a million stay exact to float32.
 * Immutable and thread-safe.
 */
public final class RotaryEmbedding {

  private final double[] frequencies;
  private final float magnitude;
  private final boolean interleaved;

  /**
   * Makes a rotation of the first {@code 2 * inverseFrequencies.length} channels of each head.
   *
   * @param inverseFrequencies radians per position of each channel pair; empty for no rotation
   * @param magnitude factor on rotated channels (YaRN's and LongRoPE's attention factor), usually 1
   * @param interleaved whether channels {@code (2i, 2i+1)} form a pair; otherwise {@code i} and
   *     {@code i + inverseFrequencies.length} do
   * @param distanceScale factor on every position; below 1 it is position interpolation
   */
  public RotaryEmbedding(
      double[] inverseFrequencies, float magnitude, boolean interleaved, double distanceScale) {
    checkArgument(
        Double.isFinite(distanceScale) && distanceScale > 0,
        "distanceScale must be positive and finite: %s",
        distanceScale);
    checkArgument(Float.isFinite(magnitude), "magnitude must be finite: %s", magnitude);
    frequencies = inverseFrequencies.clone();
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] *= distanceScale;
    }
    this.magnitude = magnitude;
    this.interleaved = interleaved;
  }

  /** Channel pairs that turn. */
  public int pairs() {
    return frequencies.length;
  }

  /** Whether position 0 leaves a vector as it is. */
  boolean isIdentityAtZero() {
    return magnitude == 1 || frequencies.length == 0;
  }

  /** The cosines and sines of positions {@code first} inclusive to {@code first + count}. */
  Angles angles(long first, int count) {
    float[] cos = new float[count * pairs()];
    float[] sin = new float[count * pairs()];
    for (int p = 0, at = 0; p < count; p++) {
      for (double frequency : frequencies) {
        double angle = (first + p) * frequency;
        cos[at] = (float) (magnitude * Math.cos(angle));
        sin[at++] = (float) (magnitude * Math.sin(angle));
      }
    }
    return new Angles(cos, sin);
  }

  /**
   * Rotates one head's vector.
   *
   * @param from source of {@code headDim} channels starting at {@code fromAt}
   * @param to receives {@code headDim} channels starting at {@code toAt}; may be {@code from}
   * @param angles table whose row {@code row} is the position
   * @param scale factor on every channel
   */
  void rotate(
      float[] from,
      int fromAt,
      float[] to,
      int toAt,
      int headDim,
      Angles angles,
      int row,
      float scale) {
    int pairs = pairs();
    int table = row * pairs;
    float[] cos = angles.cos;
    float[] sin = angles.sin;
    if (interleaved) {
      for (int i = 0; i < pairs; i++) {
        float x = from[fromAt + 2 * i] * scale;
        float y = from[fromAt + 2 * i + 1] * scale;
        to[toAt + 2 * i] = x * cos[table + i] - y * sin[table + i];
        to[toAt + 2 * i + 1] = y * cos[table + i] + x * sin[table + i];
      }
    } else {
      for (int i = 0; i < pairs; i++) {
        float x = from[fromAt + i] * scale;
        float y = from[fromAt + pairs + i] * scale;
        to[toAt + i] = x * cos[table + i] - y * sin[table + i];
        to[toAt + pairs + i] = y * cos[table + i] + x * sin[table + i];
      }
    }
    for (int i = 2 * pairs; i < headDim; i++) {
      to[toAt + i] = from[fromAt + i] * scale;
    }
  }

  /** Cosines and sines, row-major {@code [positions, pairs]}, times the magnitude. */
  @SuppressWarnings("ArrayRecordComponent") // a table read in the inner loop
  record Angles(float[] cos, float[] sin) {}
}
