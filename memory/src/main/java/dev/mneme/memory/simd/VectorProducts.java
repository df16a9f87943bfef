package dev.mneme.memory.simd;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.B2F;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ByteProducts} by the widest vectors of the machine; loaded only where there are any. A sum
 * may round otherwise before its loop is compiled, within the bound that is given there.
 */
final class VectorProducts {

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final int LANES = FLOATS.length();

  /** As many integers, where there are vectors as short as that. */
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(8, LANES) * Byte.SIZE));

  private VectorProducts() {}

  static void multiply(
      float[] query, byte[][] rows, int from, float[] products, int at, int stride) {
    byte[] row0 = rows[0];
    byte[] row1 = rows[1];
    byte[] row2 = rows[2];
    byte[] row3 = rows[3];
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    for (int i = 0; i < query.length; i += LANES) {
      FloatVector factors = FloatVector.fromArray(FLOATS, query, i);
      sum0 = floats(row0, from + i).fma(factors, sum0);
      sum1 = floats(row1, from + i).fma(factors, sum1);
      sum2 = floats(row2, from + i).fma(factors, sum2);
      sum3 = floats(row3, from + i).fma(factors, sum3);
    }
    products[at] = sum0.reduceLanes(ADD);
    products[at + stride] = sum1.reduceLanes(ADD);
    products[at + 2 * stride] = sum2.reduceLanes(ADD);
    products[at + 3 * stride] = sum3.reduceLanes(ADD);
  }

  private static FloatVector floats(byte[] row, int at) {
    return (FloatVector) ByteVector.fromArray(BYTES, row, at).convertShape(B2F, FLOATS, 0);
  }
}
