package dev.mneme.memory.simd;

/**
 * Inner products of a vector of floats with rows of 8-bit integers, {@value #ROWS} rows at a time.
 *
 * <p>Long scans wait for memory. A processor fetches ahead page by page and so is fastest where it
 * reads in several places at once: the rows of a call should come from arrays that are some pages
 * long, and the rows of the next call should follow them there.
 */
public final class ByteProducts {

  /** Rows of a call. */
  public static final int ROWS = 4;

  /** A multiple of any vector's length. */
  private static final int STEP = 32;

  /** The integers as floats: without vectors a table is faster than a conversion. */
  private static final float[] FLOATS = floats();

  private ByteProducts() {}

  /** The length of a row with so many channels; those that are missing are to be zero. */
  public static int padded(int channels) {
    return Math.ceilDiv(channels, STEP) * STEP;
  }

  /**
   * {@code products[at + r * stride] = sum over i of query[i] * rows[r][from + i]}. A product
   * differs from the exact one by {@code query.length * 2^-24} times the two norms at most.
   *
   * @param query of a {@link #padded} length
   * @param rows {@value #ROWS} arrays, the same one several times if need be
   */
  public static void multiply(
      float[] query, byte[][] rows, int from, float[] products, int at, int stride) {
    if (VectorApi.isFast()) {
      VectorProducts.multiply(query, rows, from, products, at, stride);
    } else {
      multiplyOneByOne(query, rows, from, products, at, stride);
    }
  }

  static void multiplyOneByOne(
      float[] query, byte[][] rows, int from, float[] products, int at, int stride) {
    byte[] row0 = rows[0];
    byte[] row1 = rows[1];
    byte[] row2 = rows[2];
    byte[] row3 = rows[3];
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    for (int i = 0; i < query.length; i++) {
      sum0 += query[i] * FLOATS[row0[from + i] & 0xff];
      sum1 += query[i] * FLOATS[row1[from + i] & 0xff];
      sum2 += query[i] * FLOATS[row2[from + i] & 0xff];
      sum3 += query[i] * FLOATS[row3[from + i] & 0xff];
    }
    products[at] = sum0;
    products[at + stride] = sum1;
    products[at + 2 * stride] = sum2;
    products[at + 3 * stride] = sum3;
  }

  private static float[] floats() {
    float[] floats = new float[1 << Byte.SIZE];
    for (int integer = Byte.MIN_VALUE; integer <= Byte.MAX_VALUE; integer++) {
      floats[integer & 0xff] = integer;
    }
    return floats;
  }
}
