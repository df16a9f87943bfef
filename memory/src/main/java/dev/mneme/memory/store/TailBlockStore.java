package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkPositionIndex;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Blocks of a file that is not written, and in memory those that were appended behind them. */
final class TailBlockStore implements BlockStore {

  private final FileBlockStore base;
  private final ArenaBlockStore tail;

  /** Joins two stores of the same shape and precision; closes both. */
  TailBlockStore(FileBlockStore base, ArenaBlockStore tail) {
    this.base = base;
    this.tail = tail;
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
    return base.size() + tail.size();
  }

  @Override
  public int append(MemorySegment keys, MemorySegment values, float[] representative) {
    return base.size() + tail.append(keys, values, representative);
  }

  @Override
  public void read(int block, int head, MemorySegment keys, MemorySegment values) {
    of(block).read(inside(block), head, keys, values);
  }

  @Override
  public void readRepresentative(int block, float[] to) {
    of(block).readRepresentative(inside(block), to);
  }

  @Override
  public void prefetch(int[] blocks) {
    base.prefetch(Arrays.stream(blocks).filter(block -> block < base.size()).toArray());
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
    return block < base.size() ? base : tail;
  }

  private int inside(int block) {
    return block < base.size() ? block : block - base.size();
  }

  @Override
  public void truncate(int size) {
    checkPositionIndex(size, size(), "size");
    tail.truncate(Math.max(0, size - base.size()));
    base.truncate(Math.min(size, base.size()));
  }

  @Override
  public BlockStore fork() {
    return new TailBlockStore(base.view(), tail.fork());
  }

  @Override
  public long residentBytes() {
    return base.residentBytes() + tail.residentBytes();
  }

  @Override
  public void close() {
    tail.close();
    base.close();
  }
}
