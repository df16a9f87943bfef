package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.mneme.integration.importer.GgufBytes.Little;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  /**
   * SHA-256 of the little-endian floats that the gguf Python package decodes of the same 512
   * weights, with all zeros positive. The blocks are bytes of a linear congruential generator.
   */
  @ParameterizedTest
  @CsvSource({
    "Q4_0, 3dce2c6e95cbcfe3b115bf4fab0898a85e027919e0469a6ed4f49caee3bea47b",
    "Q4_1, 62e7189a7ab62fa7b859e2cef4e1b983b8720e3bb9c83920e67d6a7c8dd31477",
    "Q5_0, 2cac4655eecf63398dd6b2a5e2532370e845fb2ba9b9288a15e8e9089a310571",
    "Q5_1, 0013050b90c48a5d36de44786861bf25bfbe8eb013d70f4bb543e8e105dda558",
    "Q8_0, bf60426045b7ec564d15965f4dafbaac317afed16ddd81d3cc5afbc4dacfe347",
    "Q4_K, d6f2c58b1286bf13de1702b2a34a75d242a54ccf002ca9ff33679dc57244494f",
    "Q5_K, 7c59bf4a2e94a31fff5956e0a39d0dec3f1fe95fe068d055109d77ab63cf9419",
    "Q6_K, 42b61afce3c3e8d535dc932b4fca44511336b04cd700948a2fd079e13d2a332d",
  })
  void decodesToTheBit(GgufType type, String sha256) {
    byte[] data = new byte[(int) type.bytes(512)];
    int state = 9;
    for (int i = 0; i < data.length; i++) {
      state = (state * 1103515245 + 12345) & 0x7fff_ffff;
      data[i] = (byte) (state >> 16);
    }
    float[] whole = decode(type, data, 512);
    float[] pieces = new float[512];
    Hasher hasher = Hashing.sha256().newHasher();
    for (int at = 0; at < 512; at += 32) {
      type.decode(MemorySegment.ofArray(data), at, 32, pieces, at);
    }
    for (float value : whole) {
      hasher.putInt(Float.floatToRawIntBits(value + 0f));
    }
    assertThat(hasher.hash()).hasToString(sha256);
    assertThat(pieces).isEqualTo(whole);
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
