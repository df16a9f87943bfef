package dev.mneme.integration.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.text.TinyTokenizer;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.memory.index.BlockIndex.Hits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlockWordsTest {

  /** A token is a byte here. */
  private static final int BLOCK = 16;

  private static final MemoryConfig CONFIG =
      MemoryConfig.builder().nInit(BLOCK).blockSize(BLOCK).queryBlock(BLOCK).nLocal(BLOCK).build();

  @TempDir private Path folder;

  @Test
  void findsABlockByItsOwnWordsAndByThoseAroundIt() throws IOException {
    assertThat(ranked("", "......red", "", "", "", "red")).containsExactly(1, 2);
    assertThat(ranked("", "red", "", "", "", "red")).startsWith(1).containsOnly(0, 1, 2);
  }

  /** A border runs through the word. */
  @Test
  void findsAWordThatABorderCuts() throws IOException {
    assertThat(ranked(".............sca", "rlet", "", "", "scarlet")).containsOnly(0, 1);
  }

  /** Blocks found by the last part, best first; parts are filled up to a block. */
  private int[] ranked(String... parts) throws IOException {
    StringBuilder text = new StringBuilder("sinks and so on.");
    for (String part : parts) {
      text.append(part).append(".".repeat(BLOCK - part.length()));
    }
    try (Tokenizer tokenizer = Tokenizer.open(TinyTokenizer.byteLevel(folder));
        BlockWords words = new BlockWords(tokenizer, CONFIG)) {
      int[] tokens = tokenizer.encode(text.toString());
      Hits hits = words.search(tokens, parts.length - 2, tokens.length, parts.length);
      return Arrays.stream(hits.byRank()).map(hit -> hits.blocks()[hit]).toArray();
    }
  }
}
