package dev.mneme.memory.codec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.concurrent.Pool;
import java.lang.foreign.MemorySegment;

/** Keys, then values, as binary16. The JVM compiles the conversions to SIMD where there is any. */
final class Float16Codec implements BlockCodec {

  private static final float LARGEST = 65_504;

  private final int kvHeads;
  private final int numbers;
  private final Pool<Buffers> pool = new Pool<>();

  Float16Codec(BlockShape shape) {
    kvHeads = shape.kvHeads();
    numbers = shape.blockSize() * shape.headDim();
  }

  /** The numbers of one head. */
  @SuppressWarnings("ArrayRecordComponent") // converted in inner loops
  private record Buffers(float[] floats, short[] halves) {}

  private Buffers buffers() {
    return new Buffers(new float[numbers], new short[numbers]);
  }

  @Override
  public long bytes() {
    return 2L * kvHeads * headBytes();
  }

  private long headBytes() {
    return (long) numbers * Short.BYTES;
  }

  @Override
  public void encode(MemorySegment keys, MemorySegment values, MemorySegment to) {
    for (int head = 0; head < kvHeads; head++) {
      encodeHead(keys, head, to, head);
      encodeHead(values, head, to, kvHeads + head);
    }
  }

  private void encodeHead(MemorySegment from, int head, MemorySegment to, int place) {
    pool.use(
        this::buffers,
        buffers -> {
          float[] floats = buffers.floats;
          short[] halves = buffers.halves;
          MemorySegment.copy(
              from, JAVA_FLOAT, (long) head * numbers * Float.BYTES, floats, 0, numbers);
          for (int i = 0; i < floats.length; i++) {
            halves[i] = Float.floatToFloat16(Math.max(-LARGEST, Math.min(LARGEST, floats[i])));
          }
          MemorySegment.copy(halves, 0, to, JAVA_SHORT, place * headBytes(), numbers);
        });
  }

  @Override
  public void decodeKeys(MemorySegment block, int head, MemorySegment to) {
    decodeHead(block, head, to);
  }

  @Override
  public void decodeValues(MemorySegment block, int head, MemorySegment to) {
    decodeHead(block, kvHeads + head, to);
  }

  private void decodeHead(MemorySegment block, int place, MemorySegment to) {
    pool.use(
        this::buffers,
        buffers -> {
          float[] floats = buffers.floats;
          short[] halves = buffers.halves;
          MemorySegment.copy(block, JAVA_SHORT, place * headBytes(), halves, 0, numbers);
          for (int i = 0; i < halves.length; i++) {
            floats[i] = Float.float16ToFloat(halves[i]);
          }
          MemorySegment.copy(floats, 0, to, JAVA_FLOAT, 0, numbers);
        });
  }
}
