package dev.mneme.benchmarks.micro;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.RecordFile;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockCache;
import dev.mneme.memory.store.BlockStore;
import dev.mneme.memory.store.FolderStores;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Reading a block of float16 at random: from memory, from a file whose blocks are all cached, and
 * from one of which a tenth is, with the system's own cache of files behind it.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class StoreBenchmark {

  /** Where blocks are. */
  public enum Place {
    /** All in memory. */
    MEMORY,
    /** In a file, and all in the cache. */
    CACHED,
    /** In a file, and a tenth of them in the cache. */
    FILE
  }

  private static final BlockShape SHAPE = new BlockShape(3, 64, 64);
  private static final BlockPrecision PRECISION = BlockPrecision.FLOAT16;
  private static final int DIMENSION = 576;
  private static final int BLOCKS = 4096;

  @Param private Place place = Place.MEMORY;

  private final Random random = new Random(1);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment keys = arena.allocate(SHAPE.bytes(), 64);
  private final MemorySegment values = arena.allocate(SHAPE.bytes(), 64);
  private BlockStore store = new ArenaBlockStore(SHAPE, DIMENSION, PRECISION);
  private BlockCache cache = new BlockCache(1 << 20, 1 << 10);

  /** Fills the store. */
  @Setup
  public void fill() throws IOException {
    long bytes = PRECISION.codec(SHAPE).bytes();
    long frame = RecordFile.stride(bytes);
    cache.close();
    cache = new BlockCache(frame * (place == Place.FILE ? BLOCKS / 10 : 2 * BLOCKS), frame);
    if (place != Place.MEMORY) {
      store.close();
      MemoryFolder folder =
          MemoryFolder.createTemporary(
              Path.of(System.getProperty("java.io.tmpdir")),
              Manifest.empty(1, bytes, DIMENSION * (long) Float.BYTES, Map.of()));
      BlockStore.Factory inMemory = ArenaBlockStore.factory(PRECISION);
      store = new FolderStores(folder, PRECISION, cache, true, inMemory).open(0, SHAPE, DIMENSION);
    }
    for (int block = 0; block < BLOCKS; block++) {
      store.append(keys, values, new float[DIMENSION]);
    }
  }

  /** Frees the store. */
  @TearDown
  public void free() {
    store.close();
    cache.close();
    arena.close();
  }

  /** Reads all heads of some block. */
  @Benchmark
  public void read() {
    int block = random.nextInt(BLOCKS);
    for (int head = 0; head < SHAPE.kvHeads(); head++) {
      store.readKeys(block, head, keys.asSlice(0, SHAPE.headBytes()));
      store.readValues(block, head, values.asSlice(0, SHAPE.headBytes()));
    }
  }
}
