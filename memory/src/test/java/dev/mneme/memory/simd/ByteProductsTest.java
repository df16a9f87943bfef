package dev.mneme.memory.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ByteProductsTest {

  @FunctionalInterface
  private interface Multiplication {

    void multiply(float[] query, byte[][] rows, int from, float[] products, int at, int stride);
  }

  @ParameterizedTest
  @CsvSource({"1, 32", "32, 32", "33, 64", "576, 576", "4096, 4096"})
  void bothWaysStayWithinTheBound(int channels, int padded) {
    assertThat(ByteProducts.padded(channels)).isEqualTo(padded);
    check(ByteProducts::multiply, channels);
    check(ByteProducts::multiplyOneByOne, channels);
  }

  private static void check(Multiplication multiplication, int channels) {
    Random random = new Random(channels);
    int padded = ByteProducts.padded(channels);
    float[] query = new float[padded];
    for (int i = 0; i < channels; i++) {
      query[i] = (float) random.nextGaussian();
    }
    byte[][] rows = new byte[ByteProducts.ROWS][3 * padded];
    for (byte[] row : rows) {
      random.nextBytes(row);
    }
    float[] products = new float[2 + ByteProducts.ROWS * 3];
    multiplication.multiply(query, rows, padded, products, 2, 3);
    for (int row = 0; row < ByteProducts.ROWS; row++) {
      double expected = 0;
      double queryNorm = 0;
      double rowNorm = 0;
      for (int i = 0; i < channels; i++) {
        byte integer = rows[row][padded + i];
        expected += (double) query[i] * integer;
        queryNorm += (double) query[i] * query[i];
        rowNorm += (double) integer * integer;
      }
      double bound = padded * 0x1p-24 * Math.sqrt(queryNorm * rowNorm);
      assertThat((double) products[2 + row * 3]).isCloseTo(expected, within(bound));
    }
    for (int between = 0; between < products.length; between++) {
      if (between < 2 || (between - 2) % 3 != 0) {
        assertThat(products[between]).isZero();
      }
    }
  }

  @Test
  void sumsOfSmallIntegersAreExact() {
    float[] query = new float[64];
    byte[] row = new byte[64];
    for (int i = 0; i < row.length; i++) {
      query[i] = i % 5 - 2;
      row[i] = i % 2 == 0 ? Byte.MIN_VALUE : Byte.MAX_VALUE;
    }
    int expected = 0;
    for (int i = 0; i < row.length; i++) {
      expected += (i % 5 - 2) * row[i];
    }
    float[] products = new float[ByteProducts.ROWS];
    ByteProducts.multiply(query, new byte[][] {row, row, row, row}, 0, products, 0, 1);
    assertThat(products).containsOnly(expected);
  }
}
