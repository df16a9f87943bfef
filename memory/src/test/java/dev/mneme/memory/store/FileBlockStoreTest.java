package dev.mneme.memory.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.RecordFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileBlockStoreTest implements BlockStoreContract {

  private static final long FRAME = RecordFile.stride(2 * SHAPE.bytes());

  @TempDir private Path temporary;

  /** Room for a few blocks: most are read from the file. */
  private BlockCache cache;

  private int folders;

  @BeforeEach
  void openCache() {
    cache = new BlockCache(BlockCache.leastBytes(FRAME), FRAME);
  }

  @AfterEach
  void closeCache() {
    cache.close();
  }

  private MemoryFolder folder(BlockShape shape, int dimension) {
    Manifest empty = Manifest.empty(1, 2 * shape.bytes(), 4L * dimension, Map.of());
    try {
      return MemoryFolder.create(temporary.resolve("memory" + folders++), empty);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public BlockStore open(BlockShape shape, int dimension) {
    return new FolderStores(folder(shape, dimension), BlockPrecision.FLOAT32, cache, false, TAILS)
        .open(0, shape, dimension);
  }

  @Test
  void keepsToItsBudget() {
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment block = arena.allocate(SHAPE.bytes(), 64);
      for (int number = 0; number < 1000; number++) {
        store.append(block, block, BlockStoreContract.vector(number));
      }
      MemorySegment head = arena.allocate(SHAPE.headBytes(), 64);
      for (int number = 0; number < 1000; number++) {
        store.prefetch(new int[] {number, (number + 17) % 1000, (number + 490) % 1000});
        store.readKeys(number, 0, head);
      }
      assertThat(cache.residentBytes()).isBetween(FRAME, BlockCache.leastBytes(FRAME));
    }
  }

  @Test
  void aChangedByteIsNeverRead() throws IOException {
    MemoryFolder folder = folder(SHAPE, DIMENSION);
    FolderStores stores = new FolderStores(folder, BlockPrecision.FLOAT32, cache, false, TAILS);
    try (Arena arena = Arena.ofConfined();
        BlockStore store = stores.open(0, SHAPE, DIMENSION);
        FileChannel file =
            FileChannel.open(
                folder.folder().resolve("blocks.mneme"),
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MemorySegment block = arena.allocate(SHAPE.bytes(), 64);
      for (int number = 0; number < 100; number++) {
        store.append(block, block, BlockStoreContract.vector(number));
      }
      flip(file, file.size() - 99 * FRAME - 1);
      MemorySegment head = arena.allocate(SHAPE.headBytes(), 64);
      assertThatThrownBy(() -> store.readKeys(0, 0, head))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("blocks.mneme is corrupt: checksum of record 0 at byte ");
      store.readKeys(1, 0, head);
    }
  }

  private static void flip(FileChannel file, long at) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    file.read(one, at);
    one.put(0, (byte) ~one.get(0)).rewind();
    file.write(one, at);
  }

  @Test
  void anInterruptedThreadFinishesAndStaysInterrupted() {
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment block = arena.allocate(SHAPE.bytes(), 64);
      MemorySegment head = arena.allocate(SHAPE.headBytes(), 64);
      Thread.currentThread().interrupt();
      for (int number = 0; number < 100; number++) {
        store.append(block, block, BlockStoreContract.vector(number));
      }
      store.readKeys(0, 0, head);
      assertThat(Thread.interrupted()).isTrue();
      assertThat(store.size()).isEqualTo(100);
    }
  }
}
