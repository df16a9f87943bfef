package dev.mneme.memory.codec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.concurrent.Pool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * 8-bit integers: a number is {@code integer * scale}, with {@code scale = largest / 127} of those
 * that share it.
 *
 * <p>Layout, {@code S = blockSize}, {@code D = headDim}: key scales float32 {@code [kvHeads, D]},
 * value scales float32 {@code [kvHeads, S]}, keys int8 {@code [kvHeads, S, D]}, values int8 {@code
 * [kvHeads, S, D]}.
 */
final class Int8Codec implements BlockCodec {

  private static final int LARGEST = 127;

  private final int kvHeads;
  private final int blockSize;
  private final int headDim;
  private final int numbers;
  private final Pool<Head> pool = new Pool<>();

  Int8Codec(BlockShape shape) {
    kvHeads = shape.kvHeads();
    blockSize = shape.blockSize();
    headDim = shape.headDim();
    numbers = blockSize * headDim;
  }

  @Override
  public long bytes() {
    return keysAt() + 2L * kvHeads * numbers;
  }

  private long keyScalesAt(int head) {
    return (long) head * headDim * Float.BYTES;
  }

  private long valueScalesAt(int head) {
    return ((long) kvHeads * headDim + (long) head * blockSize) * Float.BYTES;
  }

  private long keysAt() {
    return valueScalesAt(kvHeads);
  }

  private long keysAt(int head) {
    return keysAt() + (long) head * numbers;
  }

  private long valuesAt(int head) {
    return keysAt(kvHeads + head);
  }

  @Override
  public void encode(MemorySegment keys, MemorySegment values, MemorySegment to) {
    pool.use(
        Head::new,
        buffers -> {
          for (int head = 0; head < kvHeads; head++) {
            buffers.encodeKeys(keys, head, to);
            buffers.encodeValues(values, head, to);
          }
        });
  }

  @Override
  public void decodeKeys(MemorySegment block, int head, MemorySegment to) {
    pool.use(Head::new, buffers -> buffers.decodeKeys(block, head, to));
  }

  @Override
  public void decodeValues(MemorySegment block, int head, MemorySegment to) {
    pool.use(Head::new, buffers -> buffers.decodeValues(block, head, to));
  }

  /** The keys or the values of one head on their way. */
  private final class Head {

    private final float[] floats = new float[numbers];
    private final float[] scales = new float[numbers];
    private final byte[] integers = new byte[numbers];
    private final float[] channelScales = new float[headDim];
    private final float[] tokenScales = new float[blockSize];

    void encodeKeys(MemorySegment keys, int head, MemorySegment to) {
      read(keys, head);
      Arrays.fill(channelScales, 0);
      for (int i = 0; i < floats.length; i++) {
        int channel = i % headDim;
        channelScales[channel] = Math.max(channelScales[channel], scale(floats[i]));
      }
      MemorySegment.copy(channelScales, 0, to, JAVA_FLOAT, keyScalesAt(head), headDim);
      spreadChannelScales();
      round(to, keysAt(head));
    }

    void encodeValues(MemorySegment values, int head, MemorySegment to) {
      read(values, head);
      Arrays.fill(tokenScales, 0);
      for (int i = 0; i < floats.length; i++) {
        int token = i / headDim;
        tokenScales[token] = Math.max(tokenScales[token], scale(floats[i]));
      }
      MemorySegment.copy(tokenScales, 0, to, JAVA_FLOAT, valueScalesAt(head), blockSize);
      spreadTokenScales();
      round(to, valuesAt(head));
    }

    void decodeKeys(MemorySegment block, int head, MemorySegment to) {
      MemorySegment.copy(block, JAVA_FLOAT, keyScalesAt(head), channelScales, 0, headDim);
      spreadChannelScales();
      multiply(block, keysAt(head), to);
    }

    void decodeValues(MemorySegment block, int head, MemorySegment to) {
      MemorySegment.copy(block, JAVA_FLOAT, valueScalesAt(head), tokenScales, 0, blockSize);
      spreadTokenScales();
      multiply(block, valuesAt(head), to);
    }

    private void read(MemorySegment from, int head) {
      MemorySegment.copy(from, JAVA_FLOAT, (long) head * numbers * Float.BYTES, floats, 0, numbers);
    }

    private static float scale(float number) {
      return Math.abs(number) / LARGEST;
    }

    /** Where a scale is 0, so are the numbers. */
    private void round(MemorySegment to, long at) {
      for (int i = 0; i < floats.length; i++) {
        integers[i] = scales[i] == 0 ? 0 : (byte) Math.round(floats[i] / scales[i]);
      }
      MemorySegment.copy(integers, 0, to, JAVA_BYTE, at, numbers);
    }

    /** One scale an element, so that the JVM compiles the product to SIMD. */
    private void multiply(MemorySegment block, long at, MemorySegment to) {
      MemorySegment.copy(block, JAVA_BYTE, at, integers, 0, numbers);
      for (int i = 0; i < integers.length; i++) {
        floats[i] = integers[i] * scales[i];
      }
      MemorySegment.copy(floats, 0, to, JAVA_FLOAT, 0, numbers);
    }

    private void spreadChannelScales() {
      for (int token = 0; token < blockSize; token++) {
        System.arraycopy(channelScales, 0, scales, token * headDim, headDim);
      }
    }

    private void spreadTokenScales() {
      for (int token = 0; token < blockSize; token++) {
        Arrays.fill(scales, token * headDim, (token + 1) * headDim, tokenScales[token]);
      }
    }
  }
}
