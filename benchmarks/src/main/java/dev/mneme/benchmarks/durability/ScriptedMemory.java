package dev.mneme.benchmarks.durability;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockCache;
import dev.mneme.memory.store.BlockStore;
import dev.mneme.memory.store.FolderStores;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A memory in a folder whose every byte is known beforehand: what is in a block follows from its
 * layer and number. Not thread-safe.
 */
final class ScriptedMemory implements AutoCloseable {

  private static final BlockShape SHAPE = new BlockShape(2, 16, 32);
  private static final int LAYERS = 4;
  private static final int DIMENSION = 96;
  private static final BlockPrecision PRECISION = BlockPrecision.FLOAT32;

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment keys = arena.allocate(SHAPE.bytes(), Float.BYTES);
  private final MemorySegment values = arena.allocate(SHAPE.bytes(), Float.BYTES);
  private final MemorySegment read = arena.allocate(2 * SHAPE.bytes(), Float.BYTES);
  private final MemoryFolder folder;
  private final BlockCache cache;
  private final List<BlockStore> stores = new ArrayList<>();

  private ScriptedMemory(MemoryFolder folder) {
    this.folder = folder;
    long bytes = folder.blocks().stride();
    cache = new BlockCache(BlockCache.leastBytes(bytes), bytes);
    FolderStores factory =
        new FolderStores(folder, PRECISION, cache, false, ArenaBlockStore.factory(PRECISION));
    for (int layer = 0; layer < LAYERS; layer++) {
      stores.add(factory.open(layer, SHAPE, DIMENSION));
    }
  }

  /** Opens what is committed in a folder, or makes it. */
  static ScriptedMemory open(Path path) throws IOException {
    if (MemoryFolder.exists(path)) {
      return new ScriptedMemory(MemoryFolder.open(path, Access.READ_WRITE));
    }
    long blockBytes = PRECISION.codec(SHAPE).bytes();
    Manifest empty = Manifest.empty(LAYERS, blockBytes, DIMENSION * (long) Float.BYTES, Map.of());
    return new ScriptedMemory(MemoryFolder.create(path, empty));
  }

  /** Number of the last commit, 0 for none. */
  int commits() {
    return folder.manifest().state();
  }

  /** Blocks of every layer. */
  int blocks() {
    return stores.getFirst().size();
  }

  /** Records of blocks and of representatives. */
  long records() {
    return 2L * blocks() * LAYERS;
  }

  /** Appends the next block of every layer. */
  void append() {
    int block = blocks();
    for (int layer = 0; layer < LAYERS; layer++) {
      SplittableRandom random = random(layer, block);
      fill(keys, random);
      fill(values, random);
      stores.get(layer).append(keys, values, vector(random));
    }
  }

  void commit() throws IOException {
    folder.commit(blocks(), output -> output.writeLong(blocks()));
  }

  /**
   * Reads everything that is committed.
   *
   * @throws IOException if any of it is not what was written
   */
  void verify() throws IOException {
    if (commits() > 0) {
      long state = folder.readState(input -> input.readLong());
      if (state != blocks()) {
        throw new IOException("state: expected %d, found %d".formatted(blocks(), state));
      }
    }
    float[] vector = new float[DIMENSION];
    for (int block = 0; block < blocks(); block++) {
      for (int layer = 0; layer < LAYERS; layer++) {
        SplittableRandom random = random(layer, block);
        fill(keys, random);
        fill(values, random);
        BlockStore store = stores.get(layer);
        store.readEncoded(block, read);
        store.readRepresentative(block, vector);
        if (read.asSlice(0, SHAPE.bytes()).mismatch(keys) >= 0
            || read.asSlice(SHAPE.bytes()).mismatch(values) >= 0
            || !Arrays.equals(vector, vector(random))) {
          throw new IOException("block %d of layer %d is another".formatted(block, layer));
        }
      }
    }
  }

  private static SplittableRandom random(int layer, int block) {
    return new SplittableRandom((long) layer << 32 | block);
  }

  private static void fill(MemorySegment segment, SplittableRandom random) {
    for (long i = 0; i < segment.byteSize() / Float.BYTES; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble());
    }
  }

  private static float[] vector(SplittableRandom random) {
    float[] vector = new float[DIMENSION];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = (float) random.nextDouble();
    }
    return vector;
  }

  @Override
  public void close() {
    stores.forEach(BlockStore::close);
    cache.close();
    arena.close();
  }
}
