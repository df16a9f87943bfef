package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionFolderTest {

  @TempDir private Path temporary;

  private MnemeConfig configuration(Map<String, String> properties) throws IOException {
    Manifest manifest = new Manifest(new UUID(1, 2), 1, 64, 64, 0, 0, properties);
    try (MemoryFolder folder = MemoryFolder.create(temporary.resolve("session"), manifest)) {
      return SessionFolder.configuration(folder);
    }
  }

  @Test
  void hasTheConfigurationThatItWasMadeWith() throws IOException {
    MemoryConfig memory = MemoryConfig.builder().topK(4).maxGap(7).prefixMatch(3).build();
    Map<String, String> properties =
        SessionFolder.properties(Map.of(), memory, BlockPrecision.INT8);
    MnemeConfig made = configuration(properties);
    assertThat(made.memory()).isEqualTo(memory);
    assertThat(made.blockPrecision()).isEqualTo(BlockPrecision.INT8);
  }

  @Test
  void computesAsBeforeWhereAKeyWasNotThereYet() throws IOException {
    MemoryConfig expected = MemoryConfig.builder().topK(4).maxGap(0).prefixMatch(0).build();
    assertThat(configuration(Map.of("configuration", "memory: {topK: 4}")).memory())
        .isEqualTo(expected);
  }
}
