package dev.mneme.integration.importer;

/**
 * Rounds blocks of 32 weights to integers for ONNX Runtime's MatMulNBits, whose weight is {@code
 * scale * (q - 2^(bits-1))} when it is given no zero points.
 */
final class BlockQuantizer {

  /** Weights in a block. */
  static final int BLOCK = 32;

  private BlockQuantizer() {}

  /**
   * Rounds a block to 8 bits, symmetric about 0. Weights that came from Q8_0 are kept exactly (but
   * for the last bit of the scale), because their largest integer is 127.
   *
   * @param weights the block is from index {@code at} on
   * @param into receives 32 unsigned bytes from index {@code to} on
   * @return the scale
   */
  static float toBytes(float[] weights, int at, byte[] into, int to) {
    float largest = 0;
    for (int i = 0; i < BLOCK; i++) {
      largest = Math.max(largest, Math.abs(weights[at + i]));
    }
    float scale = largest / 127;
    float inverse = scale == 0 ? 0 : 1 / scale;
    for (int i = 0; i < BLOCK; i++) {
      into[to + i] = (byte) (Math.round(weights[at + i] * inverse) + 128);
    }
    return scale;
  }

  /**
   * Rounds a block to 16 evenly spaced values from its smallest to its largest weight: {@code scale
   * * (q - 8) + offset}. Weights that came from Q4_1 are kept exactly (but for the last bits),
   * because its blocks use both their smallest and their largest integer.
   *
   * @param weights the block is from index {@code at} on
   * @param into receives 16 bytes from index {@code to} on, even weights in the low halves
   * @return the scale and the offset
   */
  static Grid toNibbles(float[] weights, int at, byte[] into, int to) {
    float smallest = Float.POSITIVE_INFINITY;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < BLOCK; i++) {
      smallest = Math.min(smallest, weights[at + i]);
      largest = Math.max(largest, weights[at + i]);
    }
    float scale = (largest - smallest) / 15;
    float inverse = scale == 0 ? 0 : 1 / scale;
    for (int i = 0; i < BLOCK; i += 2) {
      int even = Math.round((weights[at + i] - smallest) * inverse);
      int odd = Math.round((weights[at + i + 1] - smallest) * inverse);
      into[to + i / 2] = (byte) (even | odd << 4);
    }
    return new Grid(scale, smallest + 8 * scale);
  }

  /** The values {@code scale * (q - 8) + offset} for q from 0 to 15. */
  record Grid(float scale, float offset) {}
}
