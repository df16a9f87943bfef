package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.mneme.attention.MemoryReader.Kernel;
import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockCache;
import dev.mneme.memory.store.FolderStores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Files of format version 1 that were written once and must be readable for ever: {@code
 * src/test/resources/format-1}. They hold 90 tokens of the random text; {@link #write} wrote them.
 */
class MemoryFormatTest {

  private static final Path GOLDEN = Path.of("src", "test", "resources", "format-1");
  private static final int SAVED = 90;
  private static final AttentionShape SHAPE = new AttentionShape(4, 2, 8, 0.35f);
  private static final RotaryEmbedding ROTARY =
      new RotaryEmbedding(new double[] {1, 0.3, 0.1, 0.01}, 1, false, 1);
  private static final MemoryConfig CONFIG =
      MemoryConfig.builder()
          .nInit(4)
          .nLocal(24)
          .blockSize(8)
          .topK(3)
          .representatives(2)
          .queryBlock(12)
          .farDistance(9)
          .positions(Positions.INFLLM)
          .build();
  private static final RandomText TEXT = new RandomText(5, SHAPE, 130);

  @TempDir private Path folder;

  @Test
  void version1GoesOnAsItWasWritten() throws IOException, OrtException {
    for (String file : List.of("manifest", "blocks", "vectors", "state-1")) {
      Files.copy(GOLDEN.resolve(file + ".mneme"), folder.resolve(file + ".mneme"));
    }
    goesOnAsItWasWritten(folder, CONFIG);
  }

  static Stream<MemoryConfig> configs() {
    return Stream.of(Positions.values())
        .flatMap(positions ->
            Stream.of(Choosers.values())
                .map(choosers ->
                    CONFIG.toBuilder().positions(positions).maxGap(11).choosers(choosers).build()));
  }

  @ParameterizedTest
  @MethodSource("configs")
  void goesOnWhereverFarKeysStand(MemoryConfig config) throws IOException, OrtException {
    write(folder.resolve("new"), config);
    goesOnAsItWasWritten(folder.resolve("new"), config);
  }

  private static void goesOnAsItWasWritten(Path folder, MemoryConfig config)
      throws IOException, OrtException {
    MemoryFolder opened = MemoryFolder.open(folder, Access.READ_WRITE);
    assertThat(opened.manifest().properties()).isEqualTo(Map.of("made by", "MemoryFormatTest"));
    try (BlockCache cache = cache(opened);
        MemoryReader restored = reader(opened, cache, config);
        MemoryReader fresh = MemoryReader.inMemory(SHAPE, ROTARY, config, Kernel.JAVA)) {
      opened.readState(input -> {
        restored.memory.restore(input);
        return restored;
      });
      assertThat(restored.memory.tokens()).isEqualTo(SAVED);
      fresh.read(TEXT, 0, SAVED);
      List<float[]> expected = fresh.read(TEXT, SAVED, TEXT.tokens());
      List<float[]> actual = restored.read(TEXT, SAVED, TEXT.tokens());
      for (int token = 0; token < expected.size(); token++) {
        assertThat(actual.get(token)).containsExactly(expected.get(token), within(1e-5f));
      }
    }
  }

  /** Floats differ between machines in their last bits, so lengths and headers are compared. */
  @Test
  void version1IsStillWritten() throws IOException, OrtException {
    write(folder.resolve("new"), CONFIG);
    for (String file : List.of("manifest", "blocks", "vectors", "state-1")) {
      byte[] before = Files.readAllBytes(GOLDEN.resolve(file + ".mneme"));
      byte[] now = Files.readAllBytes(folder.resolve("new").resolve(file + ".mneme"));
      assertThat(now).as(file).hasSameSizeAs(before).startsWith(Arrays.copyOf(before, 56));
    }
  }

  private static void write(Path to, MemoryConfig config) throws IOException, OrtException {
    BlockShape block = new BlockShape(SHAPE.kvHeads(), CONFIG.blockSize(), SHAPE.headDim());
    Manifest empty =
        new Manifest(
            new UUID(1, 2),
            1,
            BlockPrecision.FLOAT32.codec(block).bytes(),
            (long) SHAPE.heads() * SHAPE.headDim() * Float.BYTES,
            0,
            0,
            Map.of("made by", "MemoryFormatTest"));
    MemoryFolder created = MemoryFolder.create(to, empty);
    try (BlockCache cache = cache(created);
        MemoryReader reader = reader(created, cache, config)) {
      reader.read(TEXT, 0, SAVED);
      created.commit(reader.memory.blocks(), reader.memory::save);
    }
  }

  private static BlockCache cache(MemoryFolder folder) {
    long bytes = folder.blocks().stride();
    return new BlockCache(BlockCache.leastBytes(bytes), bytes);
  }

  private static MemoryReader reader(MemoryFolder folder, BlockCache cache, MemoryConfig config)
      throws OrtException {
    return new MemoryReader(
        SHAPE,
        ROTARY,
        config,
        Kernel.JAVA,
        new FolderStores(
            folder,
            BlockPrecision.FLOAT32,
            cache,
            false,
            ArenaBlockStore.factory(BlockPrecision.FLOAT32)));
  }
}
