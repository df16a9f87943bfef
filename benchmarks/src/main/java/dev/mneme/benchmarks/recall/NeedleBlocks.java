package dev.mneme.benchmarks.recall;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.runtime.BlockFinder;
import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Finds the blocks of the needles of the sample that is asked, once its question is read. */
final class NeedleBlocks implements BlockFinder {

  private final MemoryConfig memory;
  private List<TokenSpan> needles = List.of();
  private int question = Integer.MAX_VALUE;

  NeedleBlocks(MemoryConfig memory) {
    this.memory = memory;
  }

  /**
   * Sets what is found.
   *
   * @param spans of the needles
   * @param from first token of the question
   */
  void aim(List<TokenSpan> spans, int from) {
    needles = spans;
    question = from;
  }

  @Override
  public Hits search(int[] tokens, int blocks, int to, int k) {
    SortedMap<Integer, Float> found = new TreeMap<>();
    if (to > question) {
      for (TokenSpan needle : needles) {
        int first = Math.floorDiv(needle.from() - memory.nInit(), memory.blockSize());
        int last = Math.floorDiv(needle.to() - 1 - memory.nInit(), memory.blockSize());
        for (int block = Math.max(0, first); block <= Math.min(last, blocks - 1); block++) {
          if (found.size() < k) {
            found.put(block, 1f);
          }
        }
      }
    }
    return Hits.of(found);
  }

  /** Itself: forks ask the same sample. */
  @Override
  public NeedleBlocks fork() {
    return this;
  }

  @Override
  public long residentBytes() {
    return 0;
  }

  @Override
  public void close() {}
}
