package dev.mneme.memory.store;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Opens the stores of a session whose blocks are in a {@link MemoryFolder}, and closes the folder
 * after the last of them and of their forks.
 */
public final class FolderStores implements BlockStore.Factory {

  private final MemoryFolder folder;
  private final BlockPrecision precision;
  private final BlockCache cache;
  private final boolean temporary;
  private final BlockStore.Factory tails;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * Makes a factory, which owns the folder from its first store on.
   *
   * @param precision of the folder's blocks
   * @param cache keeps blocks in memory; outlives the stores
   * @param temporary whether the folder is deleted when it is closed
   * @param tails opens the stores of further blocks where the folder is read only, when needed
   */
  public FolderStores(
      MemoryFolder folder,
      BlockPrecision precision,
      BlockCache cache,
      boolean temporary,
      BlockStore.Factory tails) {
    this.folder = folder;
    this.precision = precision;
    this.cache = cache;
    this.temporary = temporary;
    this.tails = tails;
  }

  /**
   * A store of the blocks that are committed. Where the folder is read only, further blocks are
   * kept elsewhere.
   */
  @Override
  public BlockStore open(int layer, BlockShape shape, int dimension) {
    retain();
    FileBlockStore store =
        new FileBlockStore(this, layer, shape, dimension, precision, folder.manifest().blocks());
    return folder.access() == Access.READ_WRITE ? store : new TailBlockStore(store, layer, tails);
  }

  /** The folder. */
  MemoryFolder folder() {
    return folder;
  }

  BlockCache cache() {
    return cache;
  }

  void retain() {
    open.incrementAndGet();
  }

  void release() {
    if (open.decrementAndGet() == 0) {
      try {
        cache.invalidate(folder.blocks());
        folder.close();
        if (temporary) {
          MemoryFolder.delete(folder.folder());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(
            "cannot close " + folder.folder() + ": " + e.getMessage(), e);
      }
    }
  }
}
