package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkElementIndex;
import static com.google.common.base.Preconditions.checkState;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockCodec;
import dev.mneme.memory.codec.BlockPrecision;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Keeps blocks in off-heap memory, freed when the store and all its forks are closed.
 *
 * <p>Memory is taken in slabs whose size doubles up to {@value #MAX_SLAB_BLOCKS} blocks, so that a
 * short text costs little and a long one few allocations.
 */
public final class ArenaBlockStore implements BlockStore {

  private static final int MAX_SLAB_BLOCKS = 64;

  /** Bytes of the smallest piece of memory that systems give. */
  private static final int PAGE = 4096;

  private final BlockShape shape;
  private final int dimension;
  private final BlockPrecision precision;
  private final BlockCodec codec;
  private final List<MemorySegment> blocks = new ArrayList<>();

  /** Memory of the blocks, the store's own last. */
  private final List<SharedArena> arenas = new ArrayList<>();

  /** Memory of blocks to come. */
  private final Deque<MemorySegment> room = new ArrayDeque<>();

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
    this.precision = precision;
    codec = precision.codec(shape);
    arenas.add(new SharedArena());
  }

  /** Opens empty stores that keep keys and values in a precision. */
  public static Factory factory(BlockPrecision precision) {
    return (layer, shape, dimension) -> new ArenaBlockStore(shape, dimension, precision);
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

  /** Writes to the first {@code blocks} of the room, which makes the system find memory for it. */
  @Override
  public void reserve(int blocks) {
    checkOpen();
    makeRoom(blocks);
    room.stream()
        .limit(blocks)
        .forEach(block -> {
          for (long at = 0; at < block.byteSize(); at += PAGE) {
            block.set(JAVA_BYTE, at, (byte) 0);
          }
        });
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values, float[] representative) {
    checkOpen();
    StoreChecks.block(shape, dimension, keys, values, representative);
    makeRoom(1);
    MemorySegment block = room.removeFirst();
    MemorySegment.copy(representative, 0, block, JAVA_FLOAT, 0, dimension);
    codec.encode(keys, values, block.asSlice(vectorBytes()));
    blocks.add(block);
    return blocks.size() - 1;
  }

  @Override
  public void readKeys(int block, int head, MemorySegment to) {
    MemorySegment encoded = encoded(block);
    StoreChecks.head(shape, head, to);
    codec.decodeKeys(encoded, head, to);
  }

  @Override
  public void readValues(int block, int head, MemorySegment to) {
    MemorySegment encoded = encoded(block);
    StoreChecks.head(shape, head, to);
    codec.decodeValues(encoded, head, to);
  }

  @Override
  public void readRepresentative(int block, float[] to) {
    checkBlock(block);
    StoreChecks.representative(dimension, to);
    MemorySegment.copy(blocks.get(block), JAVA_FLOAT, 0, to, 0, dimension);
  }

  @Override
  public long encodedBytes() {
    return codec.bytes();
  }

  @Override
  public void readEncoded(int block, MemorySegment to) {
    MemorySegment.copy(encoded(block), 0, to, 0, codec.bytes());
  }

  private MemorySegment encoded(int block) {
    checkBlock(block);
    return blocks.get(block).asSlice(vectorBytes());
  }

  private void checkBlock(int block) {
    checkOpen();
    checkElementIndex(block, blocks.size(), "block");
  }

  private long vectorBytes() {
    return aligned((long) dimension * Float.BYTES);
  }

  /** Rounded up, so that what follows is aligned for any codec. */
  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, Long.BYTES) * Long.BYTES;
  }

  /** Appends to memory of its own, whatever {@code tails} opens. */
  @Override
  public ArenaBlockStore fork(Factory tails) {
    checkOpen();
    ArenaBlockStore fork = new ArenaBlockStore(shape, dimension, precision);
    fork.blocks.addAll(blocks);
    for (SharedArena arena : arenas) {
      fork.arenas.addFirst(arena.retain());
    }
    fork.reserved = reserved;
    return fork;
  }

  @Override
  public long residentBytes() {
    return reserved;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      blocks.clear();
      room.clear();
      arenas.forEach(SharedArena::release);
    }
  }

  private void makeRoom(int count) {
    long bytes = vectorBytes() + aligned(codec.bytes());
    while (room.size() < count) {
      int slabBlocks = Math.clamp(blocks.size() + room.size(), 1, MAX_SLAB_BLOCKS);
      MemorySegment slab = arenas.getLast().allocate(slabBlocks * bytes);
      slab.elements(MemoryLayout.sequenceLayout(bytes, JAVA_BYTE)).forEach(room::addLast);
      reserved += slab.byteSize();
    }
  }

  private void checkOpen() {
    checkState(!closed, "the block store is closed");
  }
}
