package dev.mneme.attention;

import static com.google.common.base.Preconditions.checkArgument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

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
  public Angles angles(long first, int count) {
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

  /** A rotator of vectors of {@code headDim} channels. */
  public Rotator rotator(int headDim) {
    return rotator(headDim, 1);
  }

  /**
   * A rotator of {@code count} vectors side by side, channel-major {@code [headDim, count]}, each
   * to a position of its own.
   */
  public Rotator rotator(int headDim, int count) {
    return new Rotator(headDim, count);
  }

  /** Cosines and sines, row-major {@code [positions, pairs]}, times the magnitude. */
  @SuppressWarnings("ArrayRecordComponent") // a table read in the inner loop
  public record Angles(float[] cos, float[] sin) {}

  /**
   * Rotates vectors, one or some at a time. Not thread-safe.
   *
   * <p>A vector {@code x} becomes {@code x * cos + partner(x) * sin}, where the partner has the
   * channels of each pair exchanged and the sine of the first of them is negative. All arrays of
   * that sum start at 0, which is what lets the JVM use SIMD.
   */
  public final class Rotator {

    private final int pairs = pairs();
    private final int count;
    private final float[] vectors;
    private final float[] partners;
    private final float[] cos;
    private final float[] sin;

    private Rotator(int headDim, int count) {
      this.count = count;
      vectors = new float[headDim * count];
      partners = new float[headDim * count];
      cos = new float[headDim * count];
      sin = new float[headDim * count];
    }

    /**
     * Chooses the position of the first vector.
     *
     * @param angles table whose row {@code row} is the position
     * @param scale factor on every channel, whether it turns or not
     */
    public void turnTo(Angles angles, int row, float scale) {
      turnTo(0, angles, row, scale);
    }

    /**
     * Chooses the position of one of the vectors.
     *
     * @param vector from 0 inclusive to {@code count} exclusive
     * @param angles table whose row {@code row} is the position
     * @param scale factor on every channel, whether it turns or not
     */
    public void turnTo(int vector, Angles angles, int row, float scale) {
      int second = (interleaved ? 1 : pairs) * count;
      int step = (interleaved ? 2 : 1) * count;
      for (int i = 0; i < pairs; i++) {
        int at = step * i + vector;
        float c = angles.cos[row * pairs + i] * scale;
        float s = angles.sin[row * pairs + i] * scale;
        cos[at] = c;
        cos[at + second] = c;
        sin[at] = -s;
        sin[at + second] = s;
      }
      for (int at = 2 * pairs * count + vector; at < cos.length; at += count) {
        cos[at] = scale;
      }
    }

    /**
     * Rotates the vectors to the positions chosen last.
     *
     * @param from source of {@code headDim * count} channels starting at {@code fromAt}
     * @param to receives as many starting at {@code toAt}; may be {@code from}
     */
    public void rotate(float[] from, int fromAt, float[] to, int toAt) {
      rotate(from, fromAt);
      System.arraycopy(vectors, 0, to, toAt, vectors.length);
    }

    /** As the other one, with the floats of {@code to} from byte {@code toAt} on. */
    void rotate(float[] from, int fromAt, MemorySegment to, long toAt) {
      rotate(from, fromAt);
      MemorySegment.copy(vectors, 0, to, JAVA_FLOAT, toAt, vectors.length);
    }

    private void rotate(float[] from, int fromAt) {
      System.arraycopy(from, fromAt, vectors, 0, vectors.length);
      int half = pairs * count;
      if (interleaved) {
        for (int at = 0; at < 2 * half; at += 2 * count) {
          for (int i = at; i < at + count; i++) {
            partners[i] = vectors[i + count];
            partners[i + count] = vectors[i];
          }
        }
      } else {
        System.arraycopy(vectors, half, partners, 0, half);
        System.arraycopy(vectors, 0, partners, half, half);
      }
      for (int i = 0; i < vectors.length; i++) {
        vectors[i] = vectors[i] * cos[i] + partners[i] * sin[i];
      }
    }
  }
}
