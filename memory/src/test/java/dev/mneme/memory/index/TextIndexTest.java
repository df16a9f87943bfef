package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.lucene.store.LockObtainFailedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextIndexTest {

  @TempDir private Path folder;

  /** Each block is one text; the last column is the block that should be found first. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Which key belongs to 550E8400-e29b-41d4? | 0",
        "41d4-a716 | 0",
        "446655440000 | 1",
        "What is the pass key? | 2",
        "REGISTER_CONTENT in line torpid-kid | 3",
        "content of the torpid one | 3",
        "maxTokens | 4",
        "how many tokens at most | 4",
        "pi is 3.14159 | 5",
        "14159 | 5",
        "Ada's lighthouse | 6",
        "ada LIGHTHOUSE | 6",
        "京都の寺 | 7"
      })
  void findsExactLettersAndProse(String query, int block) {
    try (TextIndex index = TextIndex.inMemory()) {
      index.add("\"550e8400-e29b-41d4-a716");
      index.add("-446655440000\": \"9f1b\", ");
      index.add("The pass key is 71432. Remember it.");
      index.add("line torpid-kid: REGISTER_CONTENT is <4711>");
      index.add("int maxTokens = model.limit(8192);");
      index.add("the ratio of a circle to its diameter is 3.14159");
      index.add("A lighthouse stands on the hill; it is Ada's.");
      index.add("古い寺は京都にあります");
      index.add("filler that shares the and is and of and it with all of the others");
      assertThat(index.search(query, 1).blocks()).containsExactly(block);
    }
  }

  /** Keys as in the key-value task, many of them, each cut over two blocks. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void findsEveryKeyOfManyPairs(long seed) {
    Random random = new Random(seed);
    String[] keys =
        IntStream.range(0, 500)
            .mapToObj(i -> new UUID(random.nextLong(), random.nextLong()).toString())
            .toArray(String[]::new);
    try (TextIndex index = TextIndex.inMemory()) {
      for (int i = 0; i < keys.length; i++) {
        String next = i + 1 < keys.length ? keys[i + 1].substring(0, 9) : "";
        index.add(keys[i].substring(9) + "\": \"" + new UUID(0, i) + "\", \"" + next);
      }
      for (int i = 0; i < keys.length; i++) {
        String question = "Key: \"" + keys[i] + "\"\nThe value associated with the key is: ";
        assertThat(index.search(question, 1).blocks()).as("seed %d, key %d", seed, i).contains(i);
      }
    }
  }

  /** Against the formula: ln(1 + (N - n + 0.5) / (n + 0.5)) * f / (f + k1 (1 - b + b L / mean)). */
  @Test
  void scoresByTheFormula() {
    try (TextIndex index = TextIndex.inMemory()) {
      index.add("red red blue");
      index.add("blue");
      index.add("green yellow black blue");
      Hits hits = index.search("red", 3);
      assertThat(hits.blocks()).containsExactly(0);
      double rarity = Math.log(1 + (3 - 1 + 0.5) / (1 + 0.5));
      double frequency = 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / (8 / 3.0)));
      assertThat((double) hits.scores()[0]).isCloseTo(rarity * frequency, within(1e-5));
    }
  }

  @Test
  void givesBlocksInOrderAndEqualScoresToTheLowest() {
    try (TextIndex index = TextIndex.inMemory()) {
      for (String text : new String[] {"", "a b", "c", "a b", "a a", "a b"}) {
        index.add(text);
      }
      assertThat(index.size()).isEqualTo(6);
      assertThat(index.search("a", 3).blocks()).containsExactly(1, 3, 4);
      assertThat(index.search("a", 100).blocks()).containsExactly(1, 3, 4, 5);
      assertThat(index.search("unknown", 3).blocks()).isEmpty();
      assertThat(index.search("?!", 3).blocks()).isEmpty();
      assertThat(index.search("a", 0).blocks()).isEmpty();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.search("a", -1))
          .withMessage("k must not be negative: -1");
    }
  }

  @Test
  void keepsNumbersThroughMerges() {
    try (TextIndex index = TextIndex.inMemory()) {
      for (int block = 0; block < 400; block++) {
        index.add("block number" + block);
        assertThat(index.search("number" + block, 1).blocks()).containsExactly(block);
      }
      for (int block = 0; block < 400; block++) {
        assertThat(index.search("number" + block, 1).blocks()).containsExactly(block);
      }
    }
  }

  @Test
  void allWordsOfALongQueryCount() {
    String many = IntStream.range(0, 3000).mapToObj(i -> "w" + i).collect(Collectors.joining(" "));
    try (TextIndex index = TextIndex.inMemory()) {
      index.add("w0 w1 w2 w3");
      index.add("other");
      index.add("w2999");
      assertThat(index.search(many, 3).blocks()).containsExactly(0, 2);
    }
  }

  @Test
  void queriesThatShareWordsAreAnsweredAsIfAskedAlone() {
    Random random = new Random(5);
    try (TextIndex index = TextIndex.inMemory()) {
      for (int round = 0; round < 50; round++) {
        if (round % 5 == 0) {
          IntStream.range(0, 30).forEach(i -> index.add(text(random)));
        }
        String query = text(random);
        Hits hits = index.search(query, 7);
        try (TextIndex fresh = index.fork()) {
          assertThat(fresh.search(query, 7)).usingRecursiveComparison().isEqualTo(hits);
        }
      }
    }
  }

  /** Some of few words. */
  private static String text(Random random) {
    return random.ints(12, 0, 40).mapToObj(i -> "w" + i).collect(Collectors.joining(" "));
  }

  @Test
  void reopensWithWhatWasCommitted() throws IOException {
    try (TextIndex index = TextIndex.open(folder)) {
      index.add("first");
      index.add("second");
      index.commit();
      index.add("third");
      assertThat(index.search("third", 1).blocks()).containsExactly(2);
      assertThatIOException()
          .isThrownBy(() -> TextIndex.open(folder))
          .isInstanceOf(LockObtainFailedException.class);
    }
    try (TextIndex index = TextIndex.open(folder)) {
      assertThat(index.size()).isEqualTo(2);
      assertThat(index.search("second", 1).blocks()).containsExactly(1);
      assertThat(index.search("third", 1).blocks()).isEmpty();
      index.add("another third");
      assertThat(index.search("third", 1).blocks()).containsExactly(2);
    }
  }

  @Test
  void forksGoTheirOwnWays() {
    TextIndex origin = TextIndex.inMemory();
    origin.add("first");
    origin.add("second");
    TextIndex fork = origin.fork();
    origin.add("of the origin");
    fork.add("of the fork");
    assertThat(origin.search("fork origin", 9).blocks()).containsExactly(2);
    assertThat(fork.search("origin", 9).blocks()).isEmpty();
    try (TextIndex second = fork.fork()) {
      origin.close();
      fork.close();
      assertThat(second.size()).isEqualTo(3);
      second.add("fork of the fork");
      assertThat(second.search("fork second", 9).blocks()).containsExactly(1, 2, 3);
      assertThat(second.search("fork", 1).blocks()).containsExactly(3);
    }
  }

  @Test
  void isClosedOnce() {
    TextIndex index = TextIndex.inMemory();
    index.add("a");
    assertThat(index.residentBytes()).isPositive();
    index.close();
    index.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> index.add("b"))
        .withMessage("the index is closed");
    assertThatIllegalStateException()
        .isThrownBy(() -> index.search("a", 1))
        .withMessage("the index is closed");
  }
}
