package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkElementIndex;
import static com.google.common.base.Preconditions.checkState;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockCodec;
import dev.mneme.memory.codec.BlockPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Keeps blocks in off-heap memory, freed as a whole when the store is closed.
 *
 * <p>Memory is taken in slabs whose size doubles up to {@value #MAX_SLAB_BLOCKS} blocks, so that a
 * short text costs little and a long one few allocations.
 */
public final class ArenaBlockStore implements BlockStore {

  private static final int MAX_SLAB_BLOCKS = 64;

  private final BlockShape shape;
  private final int dimension;
  private final BlockCodec codec;
  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> blocks = new ArrayList<>();
  private MemorySegment slab = MemorySegment.NULL;
  private long used;
  private long reserved;
  private boolean closed;

  /**
   * Makes an empty store.
   *
   * @param shape of every block
   * @param dimension channels of a representative
   * @param precision in which keys and values are kept
   */
  public ArenaBlockStore(BlockShape shape, int dimension, BlockPrecision precision) {
    this.shape = shape;
    this.dimension = dimension;
    codec = precision.codec(shape);
  }

  @Override
  public BlockShape shape() {
    return shape;
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int size() {
    return blocks.size();
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values, float[] representative) {
    checkOpen();
    checkBytes("keys", keys, shape.bytes());
    checkBytes("values", values, shape.bytes());
    checkDimension(representative);
    MemorySegment block = reserve();
    MemorySegment.copy(representative, 0, block, JAVA_FLOAT, 0, dimension);
    codec.encode(keys, values, block.asSlice(vectorBytes()));
    blocks.add(block);
    return blocks.size() - 1;
  }

  @Override
  public void read(int block, int head, MemorySegment keys, MemorySegment values) {
    checkOpen();
    checkElementIndex(block, blocks.size(), "block");
    checkElementIndex(head, shape.kvHeads(), "head");
    long bytes = shape.headBytes();
    checkBytes("keys", keys, bytes);
    checkBytes("values", values, bytes);
    codec.decode(blocks.get(block).asSlice(vectorBytes()), head, keys, values);
  }

  @Override
  public void readRepresentative(int block, float[] to) {
    checkOpen();
    checkElementIndex(block, blocks.size(), "block");
    checkDimension(to);
    MemorySegment.copy(blocks.get(block), JAVA_FLOAT, 0, to, 0, dimension);
  }

  private long vectorBytes() {
    return aligned((long) dimension * Float.BYTES);
  }

  /** Rounded up, so that what follows is aligned for any codec. */
  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, Long.BYTES) * Long.BYTES;
  }

  @Override
  public long residentBytes() {
    return reserved;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
    }
  }

  private MemorySegment reserve() {
    long bytes = vectorBytes() + aligned(codec.bytes());
    if (used + bytes > slab.byteSize()) {
      long slabBlocks = Math.clamp(blocks.size(), 1, MAX_SLAB_BLOCKS);
      slab = arena.allocate(slabBlocks * bytes, Long.BYTES);
      reserved += slab.byteSize();
      used = 0;
    }
    MemorySegment block = slab.asSlice(used, bytes);
    used += bytes;
    return block;
  }

  private void checkOpen() {
    checkState(!closed, "the block store is closed");
  }

  private void checkDimension(float[] representative) {
    checkArgument(
        representative.length == dimension,
        "a representative must have %s channels: %s",
        dimension,
        representative.length);
  }

  private static void checkBytes(String name, MemorySegment segment, long expected) {
    checkArgument(
        segment.byteSize() == expected,
        "%s must have %s bytes: %s",
        name,
        expected,
        segment.byteSize());
  }
}
