package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.importer.TinyDecoder.Encoding;
import dev.mneme.integration.importer.TinyDecoder.Kind;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.SelfCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Small random models, imported and compared with a forward pass of their own. */
class GgufImporterTest {

  private static final int[] IDS = {3, 69, 0, 12, 12, 41, 7, 33, 58, 1, 20};

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(Encoding.class)
  void fp32EqualsTheForwardPass(Encoding encoding) throws IOException, OrtException {
    for (boolean ownHead : new boolean[] {false, true}) {
      TinyDecoder model = new TinyDecoder(11, Kind.LLAMA, encoding, encoding, ownHead);
      Path imported = convert(model, ImportOptions.of(Precision.FP32));
      assertThat(largestDifference(model, imported)).isLessThan(2e-5f);
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyArchitectureEqualsItsForwardPass(Kind kind) throws IOException, OrtException {
    TinyDecoder model = new TinyDecoder(5, kind, Encoding.Q5_0, Encoding.F32, false);
    Path imported = convert(model, ImportOptions.of(Precision.FP32));
    assertThat(largestDifference(model, imported)).isLessThan(2e-5f);
  }

  /** Exact where the precision can hold the weights as they are in the file. */
  @ParameterizedTest
  @CsvSource({
    "LLAMA, INT8, Q8_0, Q8_0, false, 2e-5",
    "LLAMA, INT8, Q8_0, Q8_0, true, 2e-5",
    "LLAMA, INT8, F16, F16, false, 0.4",
    "LLAMA, INT8, F16, F16, true, 0.4",
    "LLAMA, INT4, Q4_1, Q8_0, false, 2e-5",
    "LLAMA, INT4, Q4_0, Q8_0, true, 2e-5",
    "LLAMA, INT4, Q4_1, F32, true, 0.4",
    "QWEN2, INT8, Q8_0, Q8_0, true, 2e-5",
    "QWEN2, INT4, Q4_1, Q8_0, false, 2e-5",
    "GEMMA3, INT8, Q8_0, Q8_0, false, 2e-5",
    "GEMMA3, INT4, Q4_1, Q8_0, false, 2e-5",
  })
  void integersFollowTheForwardPass(
      Kind kind,
      Precision precision,
      Encoding encoding,
      Encoding tables,
      boolean ownHead,
      float tolerance)
      throws IOException, OrtException {
    TinyDecoder model = new TinyDecoder(7, kind, encoding, tables, ownHead);
    Path imported = convert(model, new ImportOptions(precision, 0));
    assertThat(largestDifference(model, imported)).isLessThan(tolerance);
  }

  @ParameterizedTest
  @CsvSource({
    "LLAMA, FP32",
    "LLAMA, INT8",
    "LLAMA, INT4",
    "QWEN2, FP32",
    "GEMMA3, FP32",
    "GEMMA3, INT4",
  })
  void announcesWhatItWrites(Kind kind, Precision precision) throws IOException {
    Path gguf = folder.resolve("m.gguf");
    Files.write(gguf, new TinyDecoder(1, kind, Encoding.Q4_1, Encoding.Q8_0, true).gguf().build());
    Path imported = Files.createTempDirectory(folder, "imported");
    AtomicLong written = new AtomicLong();
    AtomicLong announced = new AtomicLong();
    GgufImporter.convert(
        gguf,
        imported,
        ImportOptions.of(precision),
        (name, total) -> {
          announced.set(total);
          return written::addAndGet;
        });
    long size = Files.size(imported.resolve("model.onnx.data"));
    assertThat(written).hasValue(size);
    assertThat(GgufImporter.outputBytes(gguf, ImportOptions.of(precision)))
        .isEqualTo(announced.get());
    // Short only of the gaps between the tensors, of which a layer has fewer than 50.
    assertThat(announced.get()).isBetween(size - (kind.layers() + 1) * 50L * 64, size);
  }

  /** Sixth layers see all tokens, by the rotation that the file names; the others a window. */
  @Test
  void wrapsTheWindowsOfGemma() throws IOException {
    TinyDecoder model = new TinyDecoder(3, Kind.GEMMA3, Encoding.F32, Encoding.F32, false);
    Path imported = convert(model, ImportOptions.of(Precision.FP32));
    List<String> types = new ArrayList<>(Collections.nCopies(7, "sliding_attention"));
    types.set(5, "full_attention");
    JsonNode config = json(imported.resolve("config.json"));
    assertThat(config.get("sliding_window").intValue()).isEqualTo(TinyDecoder.WINDOW);
    assertThat(config.get("layer_types").valueStream().map(JsonNode::textValue))
        .containsExactlyElementsOf(types);
    ModelGraph graph = ModelGraph.read(imported);
    for (AttentionLayer layer : graph.layers()) {
      boolean whole = layer.index() == 5;
      assertThat(layer.window()).isEqualTo(whole ? 0 : TinyDecoder.WINDOW);
      assertThat(layer.rotary().shorter().base().orElseThrow())
          .isCloseTo(whole ? 500 : 10_000, within(1.0));
    }
    OnnxRuntime runtime = OnnxRuntime.open(Device.parse("cpu"), 1, false, KernelKind.AUTO);
    try (SegmentedModel wrapped = SegmentedModel.open(graph, runtime)) {
      assertThat(SelfCheck.compare(wrapped)).isLessThan(1e-4);
    }
  }

  @Test
  void takesWindowsAsTheFileNamesThem() throws IOException {
    TinyDecoder model = new TinyDecoder(3, Kind.GEMMA3, Encoding.F32, Encoding.F32, false);
    model
        .gguf()
        .number("gemma3.attention.sliding_window_pattern", 2)
        .real("gemma3.attention.scale", 0.125f)
        .real("gemma3.rope.freq_base_swa", 700);
    Path imported = convert(model, ImportOptions.of(Precision.FP32));
    for (AttentionLayer layer : ModelGraph.read(imported).layers()) {
      boolean whole = layer.index() % 2 == 1;
      assertThat(layer.scale()).isEqualTo(0.125f);
      assertThat(layer.window()).isEqualTo(whole ? 0 : TinyDecoder.WINDOW);
      assertThat(layer.rotary().shorter().base().orElseThrow())
          .isCloseTo(whole ? 500 : 700, within(0.1));
    }
  }

  @Test
  void writesWhatGenaiReads() throws IOException {
    TinyDecoder model = new TinyDecoder(1, Kind.LLAMA, Encoding.F16, Encoding.F16, false);
    model.gguf().text("tokenizer.chat_template", "{{ messages }}");
    Path imported = convert(model, ImportOptions.of(Precision.INT8));
    try (Stream<Path> files = Files.list(imported)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "model.onnx",
              "model.onnx.data",
              "genai_config.json",
              "tokenizer.json",
              "tokenizer_config.json",
              "chat_template.jinja");
    }
    JsonNode config = json(imported.resolve("genai_config.json")).get("model");
    assertThat(config.get("eos_token_id").intValue()).isZero();
    assertThat(config.get("context_length").intValue()).isEqualTo(TinyDecoder.CONTEXT);
    assertThat(config.at("/decoder/num_key_value_heads").intValue()).isEqualTo(2);
    assertThat(json(imported.resolve("tokenizer_config.json")).get("eos_token").textValue())
        .isEqualTo("t0");
    JsonNode tokenizer = json(imported.resolve("tokenizer.json"));
    assertThat(tokenizer.get("added_tokens")).hasSize(2);
    assertThat(tokenizer.at("/added_tokens/0/special").booleanValue()).isTrue();
    assertThat(Files.readString(imported.resolve("chat_template.jinja")))
        .isEqualTo("{{ messages }}");
  }

  @Test
  void refusesByNameWhatItWouldGetWrong() {
    assertRefused(
        g -> g.text("general.architecture", "phi3"), "one of llama, qwen2, gemma3", "found phi3");
    assertRefused(g -> g.number("llama.attention.sliding_window", 4), "sliding_window", "found 4");
    assertRefused(g -> g.number("llama.expert_count", 8), "llama.expert_count", "not supported");
    assertRefused(g -> g.text("llama.rope.scaling.type", "yarn"), "found yarn");
    assertRefused(g -> g.number("llama.rope.dimension_count", 8), "llama.rope.dimension_count");
    assertRefused(g -> g.number("llama.attention.head_count_kv", 3), "a divisor of the 4 heads");
    assertRefused(g -> g.without("llama.block_count"), "llama.block_count is missing");
    assertRefused(g -> g.text("llama.block_count", "2"), "expected an integer, found 2");
    assertRefused(g -> g.number("llama.block_count", 0), "a positive number, found 0");
    assertRefused(g -> g.number("llama.block_count", 3), "blk.2.attn_norm.weight is missing");
    assertRefused(g -> g.number("llama.vocab_size", 71), "expected dimensions [64, 71]");
    assertRefused(
        g -> g.floats("blk.0.attn_q.bias", new float[64], 64),
        "blk.0.attn_q.bias is not supported");
    assertRefused(g -> g.without("output_norm.weight"), "output_norm.weight is missing");
    assertRefused(
        g -> g.floats("blk.1.ffn_up.weight", new float[96 * 64], 96, 64),
        "blk.1.ffn_up.weight: expected dimensions [64, 96], found [96, 64]");
    assertRefused(g -> g.text("tokenizer.ggml.model", "bert"), "gpt2, llama, found bert");
    assertRefused(g -> g.text("tokenizer.ggml.pre", "llama-bpe"), "found llama-bpe");
    assertRefused(g -> g.flag("tokenizer.ggml.add_bos_token", true), "no bos token is named");
    assertRefused(g -> g.flag("tokenizer.ggml.add_eos_token", true), "add_eos_token");
    assertRefused(g -> g.number("tokenizer.ggml.eos_token_id", 70), "a token id below 70");
    assertRefused(g -> g.numbers("tokenizer.ggml.token_type", List.of(1)), "70 entries, found 1");
    assertRefused(g -> g.texts("tokenizer.ggml.merges", List.of("ab")), "two tokens", "found ab");
    assertRefused(
        g -> g.texts("tokenizer.ggml.tokens", List.of("a", "b")).number("llama.vocab_size", 70),
        "expected 70 tokens, found 2");
  }

  @Test
  void refusesWhatOtherArchitecturesLack() {
    assertRefused(Kind.QWEN2, g -> g.without("blk.1.attn_k.bias"), "blk.1.attn_k.bias is missing");
    Kind gemma = Kind.GEMMA3;
    assertRefused(
        gemma, g -> g.without("gemma3.attention.sliding_window"), "sliding_window is missing");
    assertRefused(gemma, g -> g.text("gemma3.rope.scaling.type", "linear"), "found linear");
    assertRefused(gemma, g -> g.real("gemma3.final_logit_softcapping", 30), "not supported");
    assertRefused(gemma, g -> g.real("gemma3.attention.scale", 0), "above 0, found 0.0");
    assertRefused(
        gemma, g -> g.without("blk.6.post_ffw_norm.weight"), "post_ffw_norm.weight is missing");
    assertRefused(
        gemma,
        g -> g.floats("blk.0.attn_q_norm.weight", new float[16], 16),
        "expected dimensions [32], found [16]");
    assertRefused(
        gemma,
        g -> g.without("tokenizer.ggml.add_space_prefix"),
        "add_space_prefix: expected false, the one supported, found nothing, which means true");
    assertRefused(gemma, g -> g.reals("tokenizer.ggml.scores", List.of(1f)), "70 entries, found 1");
    assertRefused(
        gemma, g -> g.without("tokenizer.ggml.bos_token_id"), "false where no bos token is named");
  }

  private void assertRefused(Consumer<GgufBytes> change, String... parts) {
    assertRefused(Kind.LLAMA, change, parts);
  }

  private void assertRefused(Kind kind, Consumer<GgufBytes> change, String... parts) {
    TinyDecoder model = new TinyDecoder(1, kind, Encoding.F32, Encoding.F32, false);
    change.accept(model.gguf());
    assertThatThrownBy(() -> convert(model, ImportOptions.of(Precision.FP32)))
        .isExactlyInstanceOf(IOException.class)
        .hasMessageContaining("m.gguf: ")
        .hasMessageContainingAll(parts);
  }

  private Path convert(TinyDecoder model, ImportOptions options) throws IOException {
    Path gguf = Files.write(folder.resolve("m.gguf"), model.gguf().build());
    Path imported = Files.createTempDirectory(folder, "imported");
    GgufImporter.convert(gguf, imported, options, Progress.NONE);
    return imported;
  }

  private static float largestDifference(TinyDecoder model, Path imported) throws OrtException {
    float[][] expected = model.logits(IDS);
    float[][] found;
    try (UncutModel uncut = new UncutModel(imported)) {
      found = uncut.logits(IDS);
    }
    float largest = 0;
    for (int t = 0; t < IDS.length; t++) {
      for (int i = 0; i < TinyDecoder.VOCABULARY; i++) {
        largest = Math.max(largest, Math.abs(expected[t][i] - found[t][i]));
      }
    }
    return largest;
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }
}
