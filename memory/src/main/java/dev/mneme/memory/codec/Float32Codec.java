package dev.mneme.memory.codec;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;

/** Copies: keys, then values. */
final class Float32Codec implements BlockCodec {

  private final long blockBytes;
  private final long headBytes;

  Float32Codec(BlockShape shape) {
    blockBytes = shape.bytes();
    headBytes = shape.headBytes();
  }

  @Override
  public long bytes() {
    return 2 * blockBytes;
  }

  @Override
  public void encode(MemorySegment keys, MemorySegment values, MemorySegment to) {
    MemorySegment.copy(keys, 0, to, 0, blockBytes);
    MemorySegment.copy(values, 0, to, blockBytes, blockBytes);
  }

  @Override
  public void decodeKeys(MemorySegment block, int head, MemorySegment to) {
    MemorySegment.copy(block, head * headBytes, to, 0, headBytes);
  }

  @Override
  public void decodeValues(MemorySegment block, int head, MemorySegment to) {
    MemorySegment.copy(block, blockBytes + head * headBytes, to, 0, headBytes);
  }
}
