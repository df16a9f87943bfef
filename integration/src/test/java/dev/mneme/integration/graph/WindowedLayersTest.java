package dev.mneme.integration.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Words;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockStore;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Layers that see a window only keep just that; the others have far memory. */
class WindowedLayersTest {

  private static final int TOKENS = 60;
  private static final BlockStore.Factory STORES = ArenaBlockStore.factory(BlockPrecision.FLOAT32);
  private static final TinyModel TINY = TinyModel.PLAIN.withKvHeads(2, 2, 2).withWindow(16);

  @TempDir private Path folder;

  private final OnnxRuntime runtime =
      OnnxRuntime.open(Device.parse("cpu"), 1, false, KernelKind.AUTO);
  private final int[] text = new Random(4).ints(TOKENS, 0, TinyModel.VOCABULARY).toArray();

  @Test
  void theWindowSlidesAndTheOthersSeeAll() throws Exception {
    TINY.write(folder, 3);
    ModelGraph graph = ModelGraph.read(folder);
    try (SegmentedModel model = SegmentedModel.open(graph, runtime);
        TokenReader reader = reader(model);
        WholeModel whole = new WholeModel(graph)) {
      assertThat(model.memoryLayers()).isEqualTo(2);
      assertThat(reader.memory().layers()).isEqualTo(2);
      float[] expected = whole.read(Arrays.stream(text).asLongStream().toArray());
      float[] found = new float[expected.length];
      for (int from = 0; from < TOKENS; from += 24) {
        int to = Math.min(TOKENS, from + 24);
        int first = from;
        reader.read(text, from, to);
        reader.eachLogits((row, number) ->
            System.arraycopy(
                row.toArray(ValueLayout.JAVA_FLOAT),
                0,
                found,
                (first + number) * TinyModel.VOCABULARY,
                TinyModel.VOCABULARY));
      }
      assertThat(found).containsExactly(expected, within(1e-4f));
    }
  }

  @Test
  void forksAndFilesKeepTheWindow() throws Exception {
    TINY.write(folder, 3);
    ModelGraph graph = ModelGraph.read(folder);
    Manifest empty = Manifest.empty(2, 1024, 1024, Map.of());
    try (MemoryFolder files = MemoryFolder.create(folder.resolve("memory"), empty);
        SegmentedModel model = SegmentedModel.open(graph, runtime);
        TokenReader reader = reader(model)) {
      reader.read(text, 0, 24);
      reader.read(text, 24, 40);
      try (TokenReader fork = reader.fork(STORES);
          TokenReader restored = reader(model)) {
        files.commit(0, reader::save);
        files.readState(input -> {
          restored.restore(input);
          return true;
        });
        float[] expected = readOn(reader, 40);
        assertThat(readOn(fork, 40)).isEqualTo(expected);
        assertThat(readOn(restored, 40)).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aWindowThatTheGraphDoesNotHaveIsFoundOut(boolean quantised) throws Exception {
    ModelProto whole =
        new SingleOperatorModel(2, 32, 1, 0, false, SingleOperatorModel.Form.MATMUL, false)
            .build(3);
    ModelProto written = quantised ? FourBits.of(whole) : whole;
    Files.write(folder.resolve("model.onnx"), written.toByteArray());
    try (SegmentedModel model = SegmentedModel.open(ModelGraph.read(folder), runtime)) {
      assertThat(SelfCheck.compare(model)).isLessThan(1e-4);
    }
    Files.writeString(
        folder.resolve("config.json"),
        "{\"layer_types\": [\"full_attention\", \"sliding_attention\"], \"sliding_window\": 11}");
    try (SegmentedModel model = SegmentedModel.open(ModelGraph.read(folder), runtime)) {
      assertThatThrownBy(() -> SelfCheck.compare(model))
          .isInstanceOf(UnsupportedModelException.class)
          .hasMessageContaining("layer 1 (weights1/Softmax) differs from the uncut model's by");
    }
  }

  @Test
  void aModelOfWindowsAloneIsRefused() throws Exception {
    new SingleOperatorModel(2, 32, 1, 0, false, SingleOperatorModel.Form.MATMUL, false)
        .write(folder, 3);
    Files.writeString(
        folder.resolve("config.json"),
        "{\"layer_types\": [\"sliding_attention\", \"sliding_attention\"], \"sliding_window\": 5}");
    ModelGraph graph = ModelGraph.read(folder);
    assertThatThrownBy(() -> SegmentedModel.open(graph, runtime))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("all layers see a window of 5 tokens only");
  }

  private float[] readOn(TokenReader reader, int from) {
    reader.read(text, from, TOKENS - 1);
    float[] logits = new float[TinyModel.VOCABULARY];
    reader.next(text, TOKENS - 1, logits);
    return logits;
  }

  private static TokenReader reader(SegmentedModel model) {
    MemoryConfig config =
        MemoryConfig.builder()
            .nLocal(64)
            .queryBlock(8)
            .blockSize(8)
            .nInit(4)
            .words(Words.NONE)
            .build();
    MemoryAttention memory = model.newMemory(config, STORES, ExactIndex::new);
    return new TokenReader(model, memory, null, 32);
  }
}
