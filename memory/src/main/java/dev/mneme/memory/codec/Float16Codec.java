package dev.mneme.memory.codec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;

/** Keys, then values, as binary16. The JVM compiles the conversions to SIMD where there is any. */
final class Float16Codec implements BlockCodec {

  private static final float LARGEST = 65_504;

  private final int kvHeads;
  private final float[] floats;
  private final short[] halves;

  Float16Codec(BlockShape shape) {
    kvHeads = shape.kvHeads();
    floats = new float[shape.blockSize() * shape.headDim()];
    halves = new short[floats.length];
  }

  @Override
  public long bytes() {
    return 2L * kvHeads * headBytes();
  }

  private long headBytes() {
    return (long) halves.length * Short.BYTES;
  }

  @Override
  public void encode(MemorySegment keys, MemorySegment values, MemorySegment to) {
    for (int head = 0; head < kvHeads; head++) {
      encodeHead(keys, head, to, head);
      encodeHead(values, head, to, kvHeads + head);
    }
  }

  private void encodeHead(MemorySegment from, int head, MemorySegment to, int place) {
    long at = (long) head * floats.length * Float.BYTES;
    MemorySegment.copy(from, JAVA_FLOAT, at, floats, 0, floats.length);
    for (int i = 0; i < floats.length; i++) {
      halves[i] = Float.floatToFloat16(Math.max(-LARGEST, Math.min(LARGEST, floats[i])));
    }
    MemorySegment.copy(halves, 0, to, JAVA_SHORT, place * headBytes(), halves.length);
  }

  @Override
  public void decode(MemorySegment block, int head, MemorySegment keys, MemorySegment values) {
    decodeHead(block, head, keys);
    decodeHead(block, kvHeads + head, values);
  }

  private void decodeHead(MemorySegment block, int place, MemorySegment to) {
    MemorySegment.copy(block, JAVA_SHORT, place * headBytes(), halves, 0, halves.length);
    for (int i = 0; i < halves.length; i++) {
      floats[i] = Float.float16ToFloat(halves[i]);
    }
    MemorySegment.copy(floats, 0, to, JAVA_FLOAT, 0, floats.length);
  }
}
