package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkElementIndex;
import static com.google.common.base.Preconditions.checkState;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockCodec;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.RecordFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * Keeps the blocks of one layer in the file of a folder, and those that are read often in memory as
 * well. Blocks behind the committed ones are in the file too, but a restart does not find them.
 *
 * <p>A file that cannot be written or read ends in an {@link UncheckedIOException}; what was
 * committed stays.
 */
final class FileBlockStore implements BlockStore {

  private final FolderStores stores;
  private final int layer;
  private final BlockShape shape;
  private final int dimension;
  private final BlockPrecision precision;
  private final BlockCodec codec;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment vector;
  private int size;
  private boolean closed;

  FileBlockStore(
      FolderStores stores,
      int layer,
      BlockShape shape,
      int dimension,
      BlockPrecision precision,
      int size) {
    this.stores = stores;
    this.layer = layer;
    this.shape = shape;
    this.dimension = dimension;
    this.precision = precision;
    this.size = size;
    codec = precision.codec(shape);
    vector = stores.folder().vectors().buffer(arena);
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
    return size;
  }

  private RecordFile file() {
    return stores.folder().blocks();
  }

  private long record(int block) {
    return stores.folder().record(block, layer);
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values, float[] representative) {
    checkOpen();
    StoreChecks.block(shape, dimension, keys, values, representative);
    long record = record(size);
    BlockCache.Frame frame = stores.cache().frame();
    try {
      codec.encode(keys, values, frame.memory().asSlice(0, codec.bytes()));
      MemorySegment.copy(representative, 0, vector, JAVA_FLOAT, 0, dimension);
      stores.cache().invalidate(file(), record);
      file().write(record, frame.memory());
      stores.folder().vectors().write(record, vector);
      stores.cache().put(file(), record, frame);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot write to %s: %s".formatted(stores.folder().folder(), e.getMessage()), e);
    } finally {
      frame.release();
    }
    return size++;
  }

  @Override
  public void readKeys(int block, int head, MemorySegment to) {
    checkBlock(block);
    StoreChecks.head(shape, head, to);
    lend(block, encoded -> codec.decodeKeys(encoded, head, to));
  }

  @Override
  public void readValues(int block, int head, MemorySegment to) {
    checkBlock(block);
    StoreChecks.head(shape, head, to);
    lend(block, encoded -> codec.decodeValues(encoded, head, to));
  }

  @Override
  public void readRepresentative(int block, float[] to) {
    checkBlock(block);
    StoreChecks.representative(dimension, to);
    try {
      stores.folder().vectors().read(record(block), vector);
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
    MemorySegment.copy(vector, JAVA_FLOAT, 0, to, 0, dimension);
  }

  @Override
  public void prefetch(int[] blocks) {
    long[] records = new long[blocks.length];
    for (int i = 0; i < blocks.length; i++) {
      checkBlock(blocks[i]);
      records[i] = record(blocks[i]);
    }
    stores.cache().prefetch(file(), records);
  }

  @Override
  public long encodedBytes() {
    return codec.bytes();
  }

  @Override
  public void readEncoded(int block, MemorySegment to) {
    checkBlock(block);
    lend(block, encoded -> MemorySegment.copy(encoded, 0, to, 0, codec.bytes()));
  }

  private void lend(int block, Consumer<MemorySegment> user) {
    BlockCache.Frame frame = stores.cache().get(file(), record(block));
    try {
      user.accept(frame.memory());
    } finally {
      frame.release();
    }
  }

  private void checkBlock(int block) {
    checkOpen();
    checkElementIndex(block, size, "block");
  }

  void checkOpen() {
    checkState(!closed, "the block store is closed");
  }

  @Override
  public BlockStore fork(Factory tails) {
    return new TailBlockStore(view(), layer, tails);
  }

  /** A store of the same blocks, to be read only. */
  FileBlockStore view() {
    checkOpen();
    stores.retain();
    return new FileBlockStore(stores, layer, shape, dimension, precision, size);
  }

  /** The memory of its blocks belongs to the cache. */
  @Override
  public long residentBytes() {
    return vector.byteSize();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
      stores.release();
    }
  }
}
