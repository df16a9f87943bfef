package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkElementIndex;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Keeps float32 blocks in off-heap memory, freed as a whole when the store is closed.
 *
 * <p>Memory is taken in slabs whose size doubles up to {@value #MAX_SLAB_BLOCKS} blocks, so that a
 * short text costs little and a long one few allocations. Within a slab, block {@code i} holds its
 * keys and then its values.
 */
public final class ArenaBlockStore implements BlockStore {

  private static final int MAX_SLAB_BLOCKS = 64;

  private final BlockShape shape;
  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> blocks = new ArrayList<>();
  private MemorySegment slab = MemorySegment.NULL;
  private long used;
  private long reserved;
  private boolean closed;

  /** Makes an empty store. */
  public ArenaBlockStore(BlockShape shape) {
    this.shape = shape;
  }

  @Override
  public BlockShape shape() {
    return shape;
  }

  @Override
  public int size() {
    return blocks.size();
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values) {
    checkOpen();
    checkBytes("keys", keys, shape.bytes());
    checkBytes("values", values, shape.bytes());
    MemorySegment block = reserve(2 * shape.bytes());
    MemorySegment.copy(keys, 0, block, 0, shape.bytes());
    MemorySegment.copy(values, 0, block, shape.bytes(), shape.bytes());
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
    MemorySegment source = blocks.get(block);
    MemorySegment.copy(source, head * bytes, keys, 0, bytes);
    MemorySegment.copy(source, shape.bytes() + head * bytes, values, 0, bytes);
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

  private MemorySegment reserve(long bytes) {
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

  private static void checkBytes(String name, MemorySegment segment, long expected) {
    checkArgument(
        segment.byteSize() == expected,
        "%s must have %s bytes: %s",
        name,
        expected,
        segment.byteSize());
  }
}
