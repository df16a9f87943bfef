package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkElementIndex;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;

/** What every store checks of what it is given. */
final class StoreChecks {

  private StoreChecks() {}

  static void block(
      BlockShape shape,
      int dimension,
      MemorySegment keys,
      MemorySegment values,
      float[] representative) {
    bytes("keys", keys, shape.bytes());
    bytes("values", values, shape.bytes());
    representative(dimension, representative);
  }

  static void head(BlockShape shape, int head, MemorySegment to) {
    checkElementIndex(head, shape.kvHeads(), "head");
    bytes("a head", to, shape.headBytes());
  }

  static void representative(int dimension, float[] representative) {
    checkArgument(
        representative.length == dimension,
        "a representative must have %s channels: %s",
        dimension,
        representative.length);
  }

  private static void bytes(String name, MemorySegment segment, long expected) {
    checkArgument(
        segment.byteSize() == expected,
        "%s must have %s bytes: %s",
        name,
        expected,
        segment.byteSize());
  }
}
