package dev.mneme.benchmarks.index;

import dev.mneme.MnemeConfig;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.benchmarks.task.VariedText;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Reads a text with a model and records what its block indexes were given and asked. */
final class RecordedReading {

  private RecordedReading() {}

  /**
   * Reads {@code tokens} tokens of a text made from {@code seed}, the last {@code decoded} of them
   * one by one.
   *
   * @return a recording of each layer
   */
  static List<LayerRecording> record(ModelOptions model, int tokens, int decoded, long seed)
      throws IOException {
    MnemeConfig config = model.config();
    OnnxRuntime runtime =
        OnnxRuntime.open(
            Device.parse(config.device()), config.threads(), config.spinning(), config.kernel());
    ModelGraph graph = ModelGraph.read(model.locate());
    MemoryConfig memory = config.memory();
    int chunk = config.chunk();
    int[] text = text(model, graph.folder(), tokens, seed);
    BlockStore.Factory stores = ArenaBlockStore.factory(config.blockPrecision());
    Recorder recorder = new Recorder();
    try (SegmentedModel opened = SegmentedModel.open(graph, runtime);
        TokenReader reader =
            new TokenReader(opened, opened.newMemory(memory, stores, recorder), null, chunk);
        ReadingProgress progress = ReadingProgress.start("reading", tokens)) {
      int read = 0;
      while (read < tokens - decoded) {
        int next = Math.min(tokens - decoded, read + chunk);
        reader.read(text, read, next);
        read = next;
        progress.accept(read);
      }
      recorder.decode();
      while (read < tokens) {
        reader.read(text, read, ++read);
        progress.accept(read);
      }
    }
    return recorder.layers();
  }

  private static int[] text(ModelOptions model, Path folder, int tokens, long seed)
      throws IOException {
    try (Tokenizer tokenizer = model.openTokenizer(folder)) {
      return VariedText.tokens(tokenizer, seed, tokens);
    }
  }
}
