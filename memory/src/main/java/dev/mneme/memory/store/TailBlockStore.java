package dev.mneme.memory.store;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of a file that is not written, and those that were appended behind them, kept elsewhere. A
 * store for those is opened with the first of them: most forks never have one.
 */
final class TailBlockStore implements BlockStore {

  private final FileBlockStore base;
  private final int layer;
  private final Factory tails;
  private @Nullable BlockStore tail;

  /**
   * Begins with the blocks of a file.
   *
   * @param base closed with this store
   * @param layer that it belongs to
   * @param tails opens the store of what follows, of the same precision, closed with this store
   */
  TailBlockStore(FileBlockStore base, int layer, Factory tails) {
    this.base = base;
    this.layer = layer;
    this.tails = tails;
  }

  @Override
  public BlockShape shape() {
    return base.shape();
  }

  @Override
  public int dimension() {
    return base.dimension();
  }

  @Override
  public int size() {
    return base.size() + (tail == null ? 0 : tail.size());
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values, float[] representative) {
    if (tail == null) {
      base.checkOpen();
      tail = tails.open(layer, shape(), dimension());
    }
    return base.size() + tail.append(keys, values, representative);
  }

  @Override
  public void readKeys(int block, int head, MemorySegment to) {
    of(block).readKeys(inside(block), head, to);
  }

  @Override
  public void readValues(int block, int head, MemorySegment to) {
    of(block).readValues(inside(block), head, to);
  }

  @Override
  public void readRepresentative(int block, float[] to) {
    of(block).readRepresentative(inside(block), to);
  }

  @Override
  public void prefetch(int[] blocks) {
    base.prefetch(Arrays.stream(blocks).filter(block -> block < base.size()).toArray());
    if (tail != null) {
      tail.prefetch(
          Arrays.stream(blocks).filter(block -> block >= base.size()).map(this::inside).toArray());
    }
  }

  @Override
  public long encodedBytes() {
    return base.encodedBytes();
  }

  @Override
  public void readEncoded(int block, MemorySegment to) {
    of(block).readEncoded(inside(block), to);
  }

  private BlockStore of(int block) {
    return tail == null || block < base.size() ? base : tail;
  }

  private int inside(int block) {
    return of(block) == base ? block : block - base.size();
  }

  @Override
  public BlockStore fork(Factory tails) {
    TailBlockStore fork = new TailBlockStore(base.view(), layer, tails);
    if (tail != null) {
      fork.tail = tail.fork(tails);
    }
    return fork;
  }

  @Override
  public long residentBytes() {
    return base.residentBytes() + (tail == null ? 0 : tail.residentBytes());
  }

  @Override
  public void close() {
    if (tail != null) {
      tail.close();
    }
    base.close();
  }
}
