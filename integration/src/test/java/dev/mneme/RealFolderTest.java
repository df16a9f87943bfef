package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.importer.RealModel;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Memories in folders, and forks, on the real model. */
class RealFolderTest {

  private static final MemoryConfig MEMORY =
      MemoryConfig.builder().nInit(16).nLocal(128).blockSize(32).queryBlock(64).topK(3).build();

  private static final int[] PROMPT = new Random(7).ints(1000, 1000, 11_000).toArray();

  @TempDir private Path temporary;

  private static MnemeModel open(MnemeConfig.Builder config) throws IOException {
    return MnemeModel.builder(RealModel.folder(Precision.FP32))
        .config(config.chunk(128).memory(MEMORY).build())
        .open();
  }

  private static MnemeModel open() throws IOException {
    return open(MnemeConfig.builder());
  }

  @ParameterizedTest
  @EnumSource
  void aRestoredSessionGoesOnAsIfItHadNeverStopped(BlockPrecision precision) throws IOException {
    Path saved = temporary.resolve("saved");
    MnemeConfig.Builder config = MnemeConfig.builder().blockPrecision(precision);
    float[] expected;
    List<Integer> expectedTokens;
    try (MnemeModel model = open(config);
        MnemeSession session = model.newSession()) {
      session.append(PROMPT);
      session.save(saved);
      expected = session.logits();
      expectedTokens = generate(session, 40);
    }
    // The folder decides, not the configuration of the model.
    try (MnemeModel model = open();
        MnemeSession session = model.restore(saved)) {
      assertThat(session.tokens()).isEqualTo(PROMPT.length);
      assertThat(session.logits()).containsExactly(expected);
      assertThat(session.passages()).isNotEmpty();
      assertThat(generate(session, 40)).isEqualTo(expectedTokens);
      session.save();
    }
    try (MnemeModel model = open();
        MnemeSession session = model.restore(saved)) {
      assertThat(session.tokens()).isEqualTo(PROMPT.length + 40);
    }
  }

  private static List<Integer> generate(MnemeSession session, int count) {
    Generation generation =
        session.generate(GenerationOptions.builder().maxTokens(count).stopTokens(Set.of()).build());
    generation.rest();
    return generation.tokens();
  }

  @Test
  void aSessionInAFolderComputesWhatOneInMemoryDoes() throws IOException {
    Path folder = temporary.resolve("own");
    try (MnemeModel model = open(MnemeConfig.builder().commitTokens(256));
        MnemeSession inMemory = model.newSession()) {
      try (MnemeSession inFolder = model.newSession(folder)) {
        assertThat(inFolder.logits(PROMPT)).containsExactly(inMemory.logits(PROMPT));
      }
      // Committed at 256, 512 and 768 tokens without being asked to; the text's end is not read
      // then.
      try (MnemeSession restored = model.restore(folder)) {
        assertThat(restored.tokens()).isEqualTo(PROMPT.length);
        assertThat(restored.logits()).containsExactly(inMemory.logits());
      }
      assertThatThrownBy(() -> model.newSession(folder))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("already holds a memory");
    }
  }

  /** Also where a commit is due after the last token of a prompt, or after a generated one. */
  @ParameterizedTest
  @ValueSource(ints = {1, 999})
  void whatWasCommittedLastGoesOnAsTheSessionDid(int commitTokens) throws IOException {
    Path folder = temporary.resolve("own");
    try (MnemeModel model = open(MnemeConfig.builder().commitTokens(commitTokens));
        MnemeSession inMemory = model.newSession()) {
      inMemory.append(PROMPT);
      try (MnemeSession inFolder = model.newSession(folder)) {
        inFolder.append(PROMPT);
        assertThat(inFolder.logits()).containsExactly(inMemory.logits());
      }
      for (int answer = 0; answer < 2; answer++) {
        try (MnemeSession restored = model.restore(folder)) {
          assertThat(restored.logits()).containsExactly(inMemory.logits());
          List<Integer> expected = generate(inMemory, 3);
          assertThat(generate(restored, 3)).isEqualTo(expected);
          assertThat(restored.logits()).containsExactly(inMemory.logits());
          restored.save();
        }
      }
    }
  }

  @Test
  void aBudgetOfMemoryChangesNothing() throws IOException {
    try (MnemeModel free = open();
        MnemeModel bounded =
            open(
                MnemeConfig.builder()
                    .maxResidentBytes(48 << 20)
                    .workingFolder(temporary.toString()));
        MnemeSession expected = free.newSession()) {
      try (MnemeSession session = bounded.newSession()) {
        assertThat(session.logits(PROMPT)).containsExactly(expected.logits(PROMPT));
        assertThat(generate(session, 20)).isEqualTo(generate(expected, 20));
        assertThat(folders()).isEqualTo(1);
        int[] more = new Random(9).ints(200, 1000, 11_000).toArray();
        try (MnemeSession asked = session.fork();
            MnemeSession read = session.fork()) {
          assertThat(asked.logits(5)).hasSize(49_152);
          assertThat(folders()).isEqualTo(1);
          try (MnemeSession ofFork = read.fork()) {
            assertThat(read.logits(more)).containsExactly(expected.logits(more));
            assertThat(folders()).isEqualTo(2);
            assertThat(ofFork.logits(more)).containsExactly(expected.logits());
          }
          assertThat(folders()).isEqualTo(2);
        }
        assertThat(folders()).isEqualTo(1);
      }
      assertThat(folders()).isZero();
    }
    try (MnemeModel model =
        open(MnemeConfig.builder().maxResidentBytes(1 << 20).workingFolder(temporary.toString()))) {
      assertThatIllegalArgumentException()
          .isThrownBy(model::newSession)
          .withMessageStartingWith("maxResidentBytes must be at least ")
          .withMessageEndingWith(": 1048576");
    }
    assertThat(folders()).isZero();
  }

  private long folders() throws IOException {
    try (Stream<Path> files = Files.list(temporary)) {
      return files.count();
    }
  }

  @Test
  void forksGoTheirOwnWays() throws IOException {
    try (MnemeModel model = open();
        MnemeSession whole = model.newSession();
        MnemeSession other = model.newSession()) {
      int[] first = {2000, 2001, 2002};
      int[] second = new Random(8).ints(200, 1000, 11_000).toArray();
      float[] expected = whole.logits(concat(PROMPT, first));
      float[] expectedOther = other.logits(concat(PROMPT, second));
      MnemeSession document = model.newSession();
      document.append(PROMPT);
      MnemeSession one = document.fork();
      MnemeSession two = document.fork();
      assertThat(one.logits(first)).containsExactly(expected);
      assertThat(two.logits(second)).containsExactly(expectedOther);
      MnemeSession ofFork = two.fork();
      document.close();
      one.close();
      two.close();
      assertThat(ofFork.logits()).containsExactly(expectedOther);
      assertThat(ofFork.logits(first)).containsExactly(other.logits(first));
    }
  }

  /** As one document is asked many questions at once, of whose forks few are read from. */
  @Test
  void aForkTakesLittleUntilItReads() throws IOException {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (MnemeModel model = open();
        MnemeSession document = model.newSession()) {
      document.append(PROMPT);
      document.fork().close();
      long before = threads.getCurrentThreadAllocatedBytes();
      document.fork();
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(256 << 10);
    }
  }

  @Test
  void forksOfAFolderReadItsFile() throws IOException {
    try (MnemeModel model = open();
        MnemeSession expected = model.newSession()) {
      MnemeSession document = model.newSession(temporary.resolve("own"));
      document.append(PROMPT);
      MnemeSession fork = document.fork();
      document.append(PROMPT);
      document.close();
      int[] more = new Random(8).ints(200, 1000, 11_000).toArray();
      assertThat(fork.logits(more)).containsExactly(expected.logits(concat(PROMPT, more)));
      fork.save(temporary.resolve("copy"));
      fork.close();
      try (MnemeSession copy = model.restore(temporary.resolve("copy"))) {
        assertThat(copy.logits()).containsExactly(expected.logits());
      }
    }
  }

  @Test
  void aFolderHasOneWriterAndAnyReaders() throws IOException {
    Path folder = temporary.resolve("own");
    try (MnemeModel model = open();
        MnemeSession writer = model.newSession(folder)) {
      writer.append(PROMPT);
      writer.save();
      assertThatThrownBy(() -> model.restore(folder))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("open for writing elsewhere");
      try (MnemeSession reader = model.restore(folder, Access.READ_ONLY)) {
        writer.append(PROMPT);
        writer.save();
        float[] expected;
        try (MnemeSession fresh = model.newSession()) {
          expected = fresh.logits(concat(PROMPT, new int[] {5, 6, 7}));
        }
        assertThat(reader.logits(5, 6, 7)).containsExactly(expected);
        assertThatThrownBy(reader::save)
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("reading only");
      }
    }
  }

  @Test
  void readsOnlyWhatIsNew() throws IOException {
    try (MnemeModel model = open();
        MnemeSession chat = model.newSession();
        MnemeSession fresh = model.newSession()) {
      chat.append(PROMPT);
      float[] expected = fresh.logits(concat(PROMPT, new int[] {5, 6, 7}));
      int[] calls = {0};
      chat.continueTo(concat(PROMPT, new int[] {5, 6, 7}), read -> calls[0]++);
      assertThat(chat.logits()).containsExactly(expected);
      assertThat(calls[0]).isZero();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> chat.continueTo(new int[] {1, 2, 3}, read -> {}))
          .withMessageStartingWith("the text differs at token 0, but 1003 were read");
      assertThat(chat.logits()).containsExactly(expected);
    }
  }

  /** Of a text that was read in one go, logits are known after its last token alone. */
  @Test
  void refusesToEndWhereNothingWasForetold() throws IOException {
    int[] first = Arrays.copyOf(PROMPT, 128);
    try (MnemeModel model = open();
        MnemeSession whole = model.newSession();
        MnemeSession parts = model.newSession()) {
      whole.append(Arrays.copyOf(PROMPT, 200));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> whole.continueTo(first, read -> {}))
          .withMessageStartingWith("the text ends at token 128, but 128 were read");
      float[] expected = parts.logits(first);
      parts.append(5, 6, 7);
      parts.continueTo(first, read -> {});
      assertThat(parts.logits()).containsExactly(expected);
    }
  }

  /** The blocks of a folder are in its files: only what a fork reads itself counts. */
  @Test
  void aForkOfAFolderHasTheWholeLimitForItself() throws IOException {
    try (MnemeModel model = open(MnemeConfig.builder().maxMemoryMiB(8));
        MnemeSession session = model.newSession(temporary.resolve("own"))) {
      session.append(PROMPT);
      try (MnemeSession fork = session.fork();
          MnemeSession forkOfFork = fork.fork()) {
        assertThat(fork.logits(5, 6, 7)).containsExactly(forkOfFork.logits(5, 6, 7));
        assertThatIllegalArgumentException()
            .isThrownBy(() -> forkOfFork.append(PROMPT))
            .withMessageContaining("more than maxMemoryMiB 8");
      }
    }
  }

  @Test
  void refusesWhatIsNoMemoryOfThisModel() throws IOException {
    Path folder = temporary.resolve("own");
    try (MnemeModel model = open()) {
      assertThatThrownBy(() -> model.restore(folder))
          .isInstanceOf(NoSuchFileException.class)
          .hasMessageContaining("there is no memory in it");
      try (MnemeSession session = model.newSession()) {
        assertThatIllegalStateException()
            .isThrownBy(session::save)
            .withMessageContaining("has no folder");
        session.append(PROMPT);
        session.save(folder);
        assertThatThrownBy(() -> session.save(folder))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("already holds a memory");
      }
    }
    try (MnemeModel other = MnemeModel.builder(RealModel.folder(Precision.INT4)).open()) {
      assertThatThrownBy(() -> other.restore(folder))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is the memory of another model: graph: expected SHA-256 ");
    }
    Path blocks = folder.resolve("blocks.mneme");
    try (FileChannel channel = FileChannel.open(blocks, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - 1);
    }
    try (MnemeModel model = open()) {
      assertThatThrownBy(() -> model.restore(folder))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("blocks.mneme is corrupt: length");
    }
  }

  private static int[] concat(int[] first, int[] second) {
    int[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }
}
