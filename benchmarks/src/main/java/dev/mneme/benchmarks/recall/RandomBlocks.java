package dev.mneme.benchmarks.recall;

import dev.mneme.integration.runtime.BlockFinder;
import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** Finds blocks at random, the same ones at the same place of a text. */
final class RandomBlocks implements BlockFinder {

  @Override
  public Hits search(int[] tokens, int blocks, int to, int k) {
    SplittableRandom random = new SplittableRandom(to);
    TreeMap<Integer, Float> found = new TreeMap<>();
    while (found.size() < Math.min(k, blocks)) {
      found.put(random.nextInt(blocks), (float) random.nextDouble());
    }
    return Hits.of(found);
  }

  @Override
  public RandomBlocks fork() {
    return this;
  }

  @Override
  public long residentBytes() {
    return 0;
  }

  @Override
  public void close() {}
}
