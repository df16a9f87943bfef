package dev.mneme.integration.importer;

import static java.lang.Float.float16ToFloat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The tensor encodings that can be read, after the layout of ggml's quantised blocks.
 *
 * <p>A row is a sequence of blocks; all numbers are little-endian. In the quantised encodings d and
 * m are float16 and open the block:
 *
 * <ul>
 *   <li>Q4_0: d, 16 bytes; weight = d * (q - 8)
 *   <li>Q4_1: d, m, 16 bytes; weight = d * q + m
 *   <li>Q8_0: d, 32 signed bytes; weight = d * q
 * </ul>
 *
 * <p>Byte i of a 4-bit block holds weight i in its low half and weight i + 16 in its high half.
 */
enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q8_0(8, 32, 34),
  BF16(30, 1, 2);

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int id;
  private final int blockSize;
  private final int blockBytes;

  GgufType(int id, int blockSize, int blockBytes) {
    this.id = id;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The encoding with the number {@code id} in files, if it can be read. */
  static Optional<GgufType> of(long id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** The names of all encodings that can be read. */
  static String names() {
    return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
  }

  /** The number of an encoding that cannot be read, with its name where that is a common one. */
  static String describe(long id) {
    String name =
        switch ((int) id) {
          case 6 -> "Q5_0";
          case 7 -> "Q5_1";
          case 10 -> "Q2_K";
          case 11 -> "Q3_K";
          case 12 -> "Q4_K";
          case 13 -> "Q5_K";
          case 14 -> "Q6_K";
          default -> "type";
        };
    return name + " (" + id + ")";
  }

  /** Weights in a block. */
  int blockSize() {
    return blockSize;
  }

  /** Bytes of {@code weights} weights, a multiple of the block size. */
  long bytes(long weights) {
    return weights / blockSize * blockBytes;
  }

  /**
   * Decodes {@code count} weights.
   *
   * @param data encoded tensor
   * @param first index of the first weight, a multiple of the block size
   * @param count number of weights, a multiple of the block size
   * @param into receives the weights from index {@code at} on
   */
  void decode(MemorySegment data, long first, int count, float[] into, int at) {
    long offset = bytes(first);
    for (int done = 0; done < count; done += blockSize, offset += blockBytes) {
      decodeBlock(data, offset, into, at + done);
    }
  }

  private void decodeBlock(MemorySegment data, long offset, float[] into, int at) {
    switch (this) {
      case F32 -> into[at] = data.get(FLOAT, offset);
      case F16 -> into[at] = half(data, offset);
      case BF16 -> into[at] = Float.intBitsToFloat(data.get(SHORT, offset) << 16);
      case Q4_0 -> {
        float d = half(data, offset);
        decodeNibbles(data, offset + 2, d, -8 * d, into, at);
      }
      case Q4_1 ->
          decodeNibbles(data, offset + 4, half(data, offset), half(data, offset + 2), into, at);
      case Q8_0 -> {
        float d = half(data, offset);
        for (int i = 0; i < 32; i++) {
          into[at + i] = d * data.get(ValueLayout.JAVA_BYTE, offset + 2 + i);
        }
      }
    }
  }

  private static void decodeNibbles(
      MemorySegment data, long offset, float d, float m, float[] into, int at) {
    for (int i = 0; i < 16; i++) {
      int pair = data.get(ValueLayout.JAVA_BYTE, offset + i);
      into[at + i] = d * (pair & 0xf) + m;
      into[at + i + 16] = d * (pair >>> 4 & 0xf) + m;
    }
  }

  private static float half(MemorySegment data, long offset) {
    return float16ToFloat(data.get(SHORT, offset));
  }
}
