package dev.mneme.memory.store;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ArenaBlockStoreTest implements BlockStoreContract {

  /** Keys, values and a representative whose 28 bytes are padded to 32. */
  private static final long BLOCK_BYTES = 2 * SHAPE.bytes() + 32;

  @Override
  public BlockStore open(BlockShape shape, int dimension) {
    return new ArenaBlockStore(shape, dimension, BlockPrecision.FLOAT32);
  }

  /** An odd shape: encoded blocks must not lose their alignment. */
  @ParameterizedTest
  @EnumSource
  void keepsBlocksApart(BlockPrecision precision) {
    BlockShape odd = new BlockShape(1, 3, 1);
    try (Arena arena = Arena.ofConfined();
        BlockStore store = new ArenaBlockStore(odd, 1, precision)) {
      for (int block = 0; block < 100; block++) {
        float number = block;
        MemorySegment same = arena.allocateFrom(JAVA_FLOAT, number, number, number);
        store.append(same, same, new float[] {block});
      }
      MemorySegment keys = arena.allocate(odd.headBytes(), Float.BYTES);
      MemorySegment values = arena.allocate(odd.headBytes(), Float.BYTES);
      for (int block = 0; block < 100; block++) {
        store.readKeys(block, 0, keys);
        store.readValues(block, 0, values);
        for (float number : keys.toArray(JAVA_FLOAT)) {
          assertThat(number).isCloseTo(block, within(1e-5f * block));
        }
        assertThat(values.toArray(JAVA_FLOAT)).containsExactly(keys.toArray(JAVA_FLOAT));
      }
    }
  }

  @Test
  void reservesLittleMoreThanItHolds() {
    int blocks = 1000;
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment segment = arena.allocate(SHAPE.bytes(), 64);
      for (int block = 0; block < blocks; block++) {
        store.append(segment, segment, BlockStoreContract.vector(0));
        long held = (block + 1L) * BLOCK_BYTES;
        assertThat(store.residentBytes())
            .isBetween(held, Math.min(2 * held, held + 64 * BLOCK_BYTES));
      }
    }
  }

  @Test
  void reservesOnce() {
    try (BlockStore store = open(SHAPE, DIMENSION)) {
      store.reserve(8);
      assertThat(store.residentBytes()).isEqualTo(8 * BLOCK_BYTES);
      store.reserve(8);
      store.reserve(3);
      assertThat(store.residentBytes()).isEqualTo(8 * BLOCK_BYTES);
    }
  }
}
