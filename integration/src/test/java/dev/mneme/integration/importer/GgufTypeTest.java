package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.integration.importer.GgufBytes.Little;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class GgufTypeTest {

  private static final int HALF_OF_2 = 0x4000;
  private static final int HALF_OF_MINUS_QUARTER = 0xb400;

  @Test
  void decodesFloats() {
    byte[] f32 = new Little().int32(Float.floatToRawIntBits(-0.1f)).bytes();
    assertThat(decode(GgufType.F32, f32, 1)).containsExactly(-0.1f);
    assertThat(decode(GgufType.F16, new Little().int16(HALF_OF_MINUS_QUARTER).bytes(), 1))
        .containsExactly(-0.25f);
    assertThat(decode(GgufType.BF16, new Little().int16(0xc049).bytes(), 1))
        .containsExactly(-3.140625f);
  }

  @Test
  void decodesBlocks() {
    Little q8 = new Little().int16(HALF_OF_2);
    Little nibbles = new Little();
    for (int i = 0; i < 32; i++) {
      q8.raw((byte) (i - 128));
    }
    for (int i = 0; i < 16; i++) {
      nibbles.raw((byte) (i | (15 - i) << 4));
    }
    byte[] q40 = new Little().int16(HALF_OF_2).raw(nibbles.bytes()).bytes();
    byte[] q41 =
        new Little().int16(HALF_OF_2).int16(HALF_OF_MINUS_QUARTER).raw(nibbles.bytes()).bytes();

    float[] fromQ8 = decode(GgufType.Q8_0, q8.bytes(), 32);
    float[] fromQ40 = decode(GgufType.Q4_0, q40, 32);
    float[] fromQ41 = decode(GgufType.Q4_1, q41, 32);
    for (int i = 0; i < 32; i++) {
      int q = i < 16 ? i : 31 - i;
      assertThat(fromQ8[i]).isEqualTo(2f * (i - 128));
      assertThat(fromQ40[i]).isEqualTo(2f * (q - 8));
      assertThat(fromQ41[i]).isEqualTo(2f * q - 0.25f);
    }
  }

  @Test
  void decodesFromTheMiddle() {
    Little two = new Little();
    for (int block = 1; block <= 2; block++) {
      two.int16(HALF_OF_2);
      for (int i = 0; i < 32; i++) {
        two.raw((byte) block);
      }
    }
    float[] into = new float[40];
    GgufType.Q8_0.decode(MemorySegment.ofArray(two.bytes()), 32, 32, into, 4);
    assertThat(into[3]).isZero();
    assertThat(into[4]).isEqualTo(4);
    assertThat(into[35]).isEqualTo(4);
    assertThat(into[36]).isZero();
  }

  private static float[] decode(GgufType type, byte[] data, int count) {
    float[] into = new float[count];
    type.decode(MemorySegment.ofArray(data), 0, count, into, 0);
    return into;
  }
}
