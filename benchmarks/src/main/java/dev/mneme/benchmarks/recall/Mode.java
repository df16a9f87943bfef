package dev.mneme.benchmarks.recall;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Words;
import java.util.Locale;

/**
 * What a model attends while it reads and answers. All modes but {@link #FULL} have the same number
 * of tokens to attend at once.
 */
public enum Mode {
  /** Sinks, chosen far blocks and the local window. */
  MEMORY,
  /** The uncut model: everything. */
  FULL,
  /** The local window alone. */
  WINDOW,
  /** The attention sinks and the local window (StreamingLLM). */
  SINKS,
  /** As {@link #MEMORY}, with blocks chosen at random: what choosing is worth. */
  RANDOM,
  /**
   * As {@link #MEMORY}, with the needle's blocks always chosen for the question: what finding it
   * could give at most.
   */
  ORACLE,
  /**
   * A prompt of the passages that share most words with the question (BM25), in full attention:
   * what one would build without a memory.
   */
  RAG;

  /** Its name in results. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Tokens that are attended at once. */
  public static int budget(MemoryConfig memory) {
    return memory.nInit() + memory.topK() * memory.blockSize() + memory.nLocal();
  }

  /** The memory of this mode, given that of {@link #MEMORY}. Not for {@link #FULL}. */
  public MemoryConfig memory(MemoryConfig memory) {
    int budget = budget(memory);
    return switch (this) {
      case MEMORY -> memory;
      case WINDOW, RAG -> MemoryConfig.windowOnly(budget);
      case SINKS -> MemoryConfig.sinksAndWindow(memory.nInit(), budget - memory.nInit());
      case RANDOM -> memory.toBuilder().words(Words.WEIGHTED).wordWeight(1).build();
      case ORACLE -> memory.toBuilder().words(Words.WEIGHTED).wordWeight(0.9).build();
      case FULL -> throw new IllegalArgumentException("the uncut model has no memory");
    };
  }
}
