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
 * <p>A row is a sequence of blocks; all numbers are little-endian; d and m are float16. Blocks of
 * 32 weights are:
 *
 * <ul>
 *   <li>Q4_0: d, 16 bytes; weight = d * (q - 8)
 *   <li>Q4_1: d, m, 16 bytes; weight = d * q + m
 *   <li>Q5_0: d, 4 bytes of fifth bits, 16 bytes; weight = d * (q - 16)
 *   <li>Q5_1: d, m, 4 bytes of fifth bits, 16 bytes; weight = d * q + m
 *   <li>Q8_0: d, 32 signed bytes; weight = d * q
 * </ul>
 *
 * <p>Byte i of the 16 holds weight i in its low half and weight i + 16 in its high half; fifth bits
 * are in the order of the weights. Blocks of 256 weights are eight pieces of 32, with scales s and
 * t of their own:
 *
 * <ul>
 *   <li>Q4_K: d, m, 12 bytes of s and t in 6 bits, 128 bytes; weight = d * s * q - m * t
 *   <li>Q5_K: the same with 32 bytes of fifth bits before the 128
 *   <li>Q6_K: 128 bytes, 64 bytes of upper bits, 16 signed bytes s, d; weight = d * s * (q - 32)
 * </ul>
 */
enum GgufType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  BF16(30, 1, 2);

  /** Most weights that are decoded at a time. */
  private static final int PIECE = 32;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
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
          case 10 -> "Q2_K";
          case 11 -> "Q3_K";
          case 20 -> "IQ4_NL";
          case 23 -> "IQ4_XS";
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
   * @param first index of the first weight, a multiple of the block size or of 32
   * @param count number of weights, a multiple of the block size or of 32
   * @param into receives the weights from index {@code at} on
   */
  void decode(MemorySegment data, long first, int count, float[] into, int at) {
    int piece = Math.min(blockSize, PIECE);
    for (int done = 0; done < count; done += piece) {
      long weight = first + done;
      int inBlock = (int) (weight % blockSize) / piece;
      decodePiece(data, bytes(weight), inBlock, into, at + done);
    }
  }

  /**
   * Decodes a block, or 32 weights of a larger one.
   *
   * @param block offset of the block
   * @param piece which 32 weights of the block
   */
  private void decodePiece(MemorySegment data, long block, int piece, float[] into, int at) {
    switch (this) {
      case F32 -> into[at] = data.get(FLOAT, block);
      case F16 -> into[at] = half(data, block);
      case BF16 -> into[at] = Float.intBitsToFloat(data.get(SHORT, block) << 16);
      case Q4_0 -> {
        float d = half(data, block);
        decodeNibbles(data, block + 2, 0, d, -8 * d, into, at);
      }
      case Q4_1 ->
          decodeNibbles(data, block + 4, 0, half(data, block), half(data, block + 2), into, at);
      case Q5_0 -> {
        float d = half(data, block);
        decodeNibbles(data, block + 6, data.get(INT, block + 2), d, -16 * d, into, at);
      }
      case Q5_1 -> {
        int fifth = data.get(INT, block + 4);
        decodeNibbles(data, block + 8, fifth, half(data, block), half(data, block + 2), into, at);
      }
      case Q8_0 -> {
        float d = half(data, block);
        for (int i = 0; i < PIECE; i++) {
          into[at + i] = d * data.get(ValueLayout.JAVA_BYTE, block + 2 + i);
        }
      }
      case Q4_K -> decodeScaled(data, block, piece, false, into, at);
      case Q5_K -> decodeScaled(data, block, piece, true, into, at);
      case Q6_K -> decodeSixBits(data, block, piece, into, at);
    }
  }

  /**
   * Decodes the 32 weights {@code d * q + m} of a small block.
   *
   * @param fifth bit i is the fifth bit of weight i
   */
  private static void decodeNibbles(
      MemorySegment data, long offset, int fifth, float d, float m, float[] into, int at) {
    for (int i = 0; i < 16; i++) {
      int low = bits(data, offset + i, 0, 4) + 16 * (fifth >>> i & 1);
      int high = bits(data, offset + i, 4, 4) + 16 * (fifth >>> (i + 16) & 1);
      into[at + i] = d * low + m;
      into[at + i + 16] = d * high + m;
    }
  }

  /**
   * Decodes a piece of Q4_K or Q5_K. Two pieces share 32 bytes, of which the even one has the low
   * halves; bit p of a byte of fifth bits is that of piece p.
   */
  private static void decodeScaled(
      MemorySegment data, long block, int piece, boolean fifth, float[] into, int at) {
    long scales = block + 4;
    float scale = half(data, block) * packedScale(data, scales, piece, 0);
    float minimum = half(data, block + 2) * packedScale(data, scales, piece, 4);
    long fifths = scales + 12;
    long quants = fifths + (fifth ? PIECE : 0) + (long) PIECE * (piece / 2);
    int half = piece % 2 * 4;
    for (int i = 0; i < PIECE; i++) {
      int q = bits(data, quants + i, half, 4);
      if (fifth) {
        q += 16 * bits(data, fifths + i, piece, 1);
      }
      into[at + i] = scale * q - minimum;
    }
  }

  /**
   * A scale of 6 bits. Those of pieces 0 to 3 are the lower bits of bytes 0 to 3 (s) and 4 to 7
   * (t); the others have their upper two bits above them, and their lower four in bytes 8 to 11, t
   * in the high halves.
   *
   * @param shift 0 for s, 4 for t
   */
  private static int packedScale(MemorySegment data, long offset, int piece, int shift) {
    long own = offset + shift + piece % 4;
    return piece < 4
        ? bits(data, own, 0, 6)
        : bits(data, offset + 4 + piece, shift, 4) + 16 * bits(data, own, 6, 2);
  }

  /**
   * Decodes a piece of Q6_K. Each half of the block has 64 bytes of low and 32 of upper bits:
   * pieces 0 and 1 of it have the low halves of the former, 2 and 3 the high ones, and each byte of
   * the latter has two bits for each piece. A scale is for 16 weights.
   */
  private static void decodeSixBits(
      MemorySegment data, long block, int piece, float[] into, int at) {
    int inHalf = piece % 4;
    long uppers = block + 128 + (long) PIECE * (piece / 4);
    long lows = block + (long) PIECE * (piece / 4 * 2 + inHalf % 2);
    long scales = block + 192 + (long) piece * 2;
    float d = half(data, block + 208);
    for (int i = 0; i < PIECE; i++) {
      int low = bits(data, lows + i, inHalf / 2 * 4, 4);
      int upper = bits(data, uppers + i, inHalf * 2, 2);
      float scale = d * data.get(ValueLayout.JAVA_BYTE, scales + i / 16);
      into[at + i] = scale * (low + 16 * upper - 32);
    }
  }

  /** {@code count} bits of a byte, from bit {@code first} on. */
  private static int bits(MemorySegment data, long offset, int first, int count) {
    return ((data.get(ValueLayout.JAVA_BYTE, offset) & 0xff) >>> first) & ((1 << count) - 1);
  }

  private static float half(MemorySegment data, long offset) {
    return float16ToFloat(data.get(SHORT, offset));
  }
}
