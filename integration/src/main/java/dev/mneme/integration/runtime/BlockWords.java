package dev.mneme.integration.runtime;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.TextIndex;
import java.util.Arrays;

/**
 * The words of a session's far blocks. A block is found by its own text, by that of the block in
 * front of it and by the next quarter of a block: what follows a key is found by the key, and no
 * word is cut in two by a border. Not thread-safe.
 */
public final class BlockWords implements BlockFinder {

  private final Tokenizer tokenizer;
  private final MemoryConfig config;
  private final TextIndex index;

  /**
   * Knows no words yet.
   *
   * @param tokenizer kept open by the caller
   */
  public BlockWords(Tokenizer tokenizer, MemoryConfig config) {
    this(tokenizer, config, TextIndex.inMemory());
  }

  private BlockWords(Tokenizer tokenizer, MemoryConfig config, TextIndex index) {
    this.tokenizer = tokenizer;
    this.config = config;
    this.index = index;
  }

  /** The same words, which the forks share. */
  @Override
  public BlockWords fork() {
    return new BlockWords(tokenizer, config, index.fork());
  }

  /** Finds blocks that share words with the last {@code queryBlock} tokens. */
  @Override
  public Hits search(int[] tokens, int blocks, int to, int k) {
    while (index.size() < blocks) {
      int from = config.nInit() + index.size() * config.blockSize();
      int behind = from + config.blockSize() + config.blockSize() / 4;
      index.add(text(tokens, from - config.blockSize(), Math.min(behind, to)));
    }
    return index.search(text(tokens, to - config.queryBlock(), to), k);
  }

  private String text(int[] tokens, int from, int to) {
    return tokenizer.decode(Arrays.copyOfRange(tokens, Math.max(0, from), to));
  }

  @Override
  public long residentBytes() {
    return index.residentBytes();
  }

  @Override
  public void close() {
    index.close();
  }
}
