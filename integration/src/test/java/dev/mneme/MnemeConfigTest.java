package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.mneme.attention.Choosers;
import dev.mneme.attention.Mask;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Positions;
import dev.mneme.attention.Words;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.IndexKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MnemeConfigTest {

  private static final MnemeConfig OTHER =
      new MnemeConfig(
          "cuda:1",
          3,
          false,
          KernelKind.ONNX,
          SelfCheck.When.NEVER,
          600,
          77,
          88,
          "work",
          99,
          BlockPrecision.INT8,
          IndexKind.HNSW,
          new MemoryConfig(
              32,
              2048,
              128,
              4,
              2,
              300,
              64,
              4,
              0.25,
              9,
              Positions.ORDERED,
              300,
              Mask.PUBLISHED,
              Words.WEIGHTED,
              0.75,
              Choosers.KV_HEAD,
              1,
              5));

  @Test
  void readsWhatItWrites() {
    assertThat(MnemeConfig.parse(OTHER.toYaml())).isEqualTo(OTHER);
    assertThat(MnemeConfig.parse(MnemeConfig.defaults().toYaml()))
        .isEqualTo(MnemeConfig.defaults());
    assertThat(OTHER.toBuilder().build()).isEqualTo(OTHER);
    assertThat(OTHER.memory().toBuilder().build()).isEqualTo(OTHER.memory());
  }

  @Test
  void whatIsLeftOutKeepsItsDefault() {
    MnemeConfig expected =
        MnemeConfig.builder()
            .chunk(1024)
            .memory(MemoryConfig.builder().topK(4).positions(Positions.ORDERED).build())
            .build();
    assertThat(MnemeConfig.parse("chunk: 1024\nmemory:\n  topK: 4\n  positions: ordered\n"))
        .isEqualTo(expected);
    assertThat(
            MnemeConfig.parse("{\"chunk\": 1024, \"memory\": {\"topK\": 4}}")
                .with(List.of("memory.positions=ORDERED")))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "# nothing set\n", "{}", "null"})
  void anEmptyTextMeansTheDefaults(String text) {
    assertThat(MnemeConfig.parse(text)).isEqualTo(MnemeConfig.defaults());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "treads: 2 | unknown key treads; known keys: device, threads, spinning, kernel, selfCheck, chunk,"
            + " maxMemoryMiB,"
            + " maxResidentBytes, workingFolder, commitTokens, blockPrecision, index,"
            + " memory",
        "memory: {topk: 2} | unknown key memory.topk; known keys: nInit, nLocal, blockSize, topK,"
            + " representatives, queryBlock, sharpTail, sharpBlock, distanceScale, farDistance,"
            + " positions, maxGap, mask, words, wordWeight, choosers, neighbours,"
            + " prefixMatch",
        "device: gpu | device must be cpu or cuda:N: gpu",
        "memory: {nLocal: 64} | nLocal must be at least queryBlock: nLocal 64, queryBlock 128",
        "memory: {representatives: 65} |"
            + " representatives must be 1 to blockSize: representatives 65, blockSize 64",
        "memory: {prefixMatch: 33} | prefixMatch must be 0 to 32: 33",
        "memory: {topK: -1} | topK must not be negative: -1",
        "memory: {distanceScale: 0} | distanceScale must be positive and finite: 0.0",
        "memory: 5 | memory. must be a mapping of keys: 5",
        "memory: {topK: [1]} | memory.topK must be a single value: [1]",
        "threads: | threads must be a single value: null",
        "chunk: 500 | chunk must be a multiple of memory.queryBlock: chunk 500, queryBlock 128"
      })
  void refusesByName(String text, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MnemeConfig.parse(text))
        .withMessage(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "threads: two",
        "threads: 2.5",
        "chunk: 99999999999",
        "memory: {mask: both}",
        "memory: {",
      })
  void refusesWhatIsNoValue(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MnemeConfig.parse(text))
        .satisfies(e -> assertThat(e.getMessage()).isNotBlank());
  }

  @Test
  void namesTheFile(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("mneme.yaml"), "chunk: 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MnemeConfig.read(file))
        .withMessageStartingWith(file + ": chunk must be");
  }

  @Test
  void settingsAreCheckedTogether() {
    List<String> settings = List.of("memory.blockSize=1", "memory.representatives=1");
    assertThat(MnemeConfig.defaults().with(settings).memory().blockSize()).isEqualTo(1);
  }

  @Test
  void aSettingHasAKeyAndAValue() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MnemeConfig.defaults().with(List.of("memory.topK")))
        .withMessage("a setting is written key=value: memory.topK");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MnemeConfig.defaults().with(List.of("memory.top=1")))
        .withMessageStartingWith("unknown key memory.top;");
  }
}
