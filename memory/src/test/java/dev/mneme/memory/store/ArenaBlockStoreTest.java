package dev.mneme.memory.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ArenaBlockStoreTest implements BlockStoreContract {

  @Override
  public BlockStore open(BlockShape shape) {
    return new ArenaBlockStore(shape);
  }

  @Test
  void reservesLittleMoreThanItHolds() {
    int blocks = 1000;
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE)) {
      MemorySegment segment = arena.allocate(SHAPE.bytes(), 64);
      for (int block = 0; block < blocks; block++) {
        store.append(segment, segment);
        long held = (block + 1L) * 2 * SHAPE.bytes();
        assertThat(store.residentBytes()).isBetween(held, Math.min(2 * held, held + 64L * 480));
      }
    }
  }
}
