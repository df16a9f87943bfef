package dev.mneme.benchmarks.recall;

import dev.mneme.attention.MemoryConfig;

/** What a model attends while it reads and answers. */
public enum Mode {
  /** Sinks, chosen far blocks and the local window. */
  MEMORY,
  /** The uncut model: everything. */
  FULL,
  /** The local window alone. */
  WINDOW,
  /** The attention sinks and the local window (StreamingLLM). */
  SINKS;

  /** The memory of this mode, given that of {@link #MEMORY}. Not for {@link #FULL}. */
  public MemoryConfig memory(MemoryConfig memory) {
    return switch (this) {
      case MEMORY -> memory;
      case WINDOW -> MemoryConfig.windowOnly(memory.nLocal());
      case SINKS -> MemoryConfig.sinksAndWindow(memory.nInit(), memory.nLocal());
      case FULL -> throw new IllegalArgumentException("the uncut model has no memory");
    };
  }
}
