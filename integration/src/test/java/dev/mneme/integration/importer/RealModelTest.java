package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The imported SmolLM2 against what other programs make of the same GGUF file.
 *
 * <p>{@code golden/smollm2-logits.json} is written by {@code src/test/python/golden_logits.py}.
 */
class RealModelTest {

  private static JsonNode golden = new ObjectMapper().createObjectNode();

  @BeforeAll
  static void readGolden() throws IOException {
    try (InputStream in = RealModelTest.class.getResourceAsStream("/golden/smollm2-logits.json")) {
      golden = new ObjectMapper().readTree(in);
    }
  }

  /**
   * SHA-256 of the little-endian floats, in file order, as the gguf Python package decodes them.
   */
  @Test
  void weightsAreDecodedToTheBit() throws IOException {
    Map<String, String> expected =
        Map.of(
            "token_embd.weight",
            "3fd491c8066dd9dc1a2bf6796701526c82817d95c0ecabacdef3013c2b8bbbaa",
            "blk.0.attn_q.weight",
            "aa74111ad24c3624a20374d2026fd1f50bfe2520252e3c9aef4a666a28593cc8",
            "blk.0.ffn_down.weight",
            "0b78b2226f740ed5594510ed990ea6c2846a6a889ab07cf251e4a489df1d75b0",
            "blk.29.ffn_up.weight",
            "f395fcde6e4387e835c50c3ebce13c030a6be52d18edf22dbd7d229d87fdd790");
    Path models = Objects.requireNonNull(RealModel.folder(Precision.FP32).getParent());
    Path gguf = models.resolveSibling("gguf").resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
    try (Arena arena = Arena.ofConfined()) {
      GgufFile file = GgufFile.open(gguf, arena);
      assertThat(file.tensors()).hasSize(272);
      expected.forEach((name, sha256) ->
          assertThat(sha256(Objects.requireNonNull(file.tensors().get(name))))
              .as(name)
              .isEqualTo(sha256));
    }
  }

  @Test
  void tokenizerGivesTheSameIds() throws IOException {
    Path file = RealModel.folder(Precision.FP32).resolve("tokenizer.json");
    try (HuggingFaceTokenizer tokenizer =
        HuggingFaceTokenizer.builder()
            .optTokenizerPath(file)
            .optTruncation(false)
            .optPadding(false)
            .optAddSpecialTokens(false)
            .build()) {
      assertThat(golden.get("tokenizer")).hasSizeGreaterThan(10);
      for (String part : new String[] {"tokenizer", "prompts"}) {
        for (JsonNode example : golden.get(part)) {
          String text = example.get("text").textValue();
          long[] ids = Arrays.stream(ids(example)).asLongStream().toArray();
          assertThat(tokenizer.encode(text).getIds()).as("<%s>", text).isEqualTo(ids);
          assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
        }
      }
    }
  }

  @Test
  void fp32HasTheLogitsOfTransformers() throws IOException, OrtException {
    assertHasGoldenLogits(RealModel.folder(Precision.FP32));
  }

  /** The 4-bit grid holds the weights of this file as they are, so not even int4 may differ. */
  @Test
  void int4HasThemTooWhereActivationsStayFloat() throws IOException, OrtException {
    assertHasGoldenLogits(RealModel.folder(new ImportOptions(Precision.INT4, 0)));
  }

  /** Rounding costs accuracy, and a model that is built wrongly has nothing in common. */
  @Test
  void integerModelsMostlyAgree() throws IOException, OrtException {
    for (Precision precision : new Precision[] {Precision.INT8, Precision.INT4}) {
      int agreeing = 0;
      int total = 0;
      try (UncutModel model = new UncutModel(RealModel.folder(precision))) {
        for (JsonNode prompt : golden.get("prompts")) {
          float[][] logits = model.logits(ids(prompt));
          for (JsonNode position : prompt.get("positions")) {
            float[] found = logits[position.get("position").intValue()];
            agreeing += largest(found) == position.get("argmax").intValue() ? 1 : 0;
            total++;
          }
        }
      }
      assertThat(agreeing).as(precision.name()).isGreaterThanOrEqualTo(total * 4 / 5);
    }
  }

  private static void assertHasGoldenLogits(Path folder) throws OrtException {
    try (UncutModel model = new UncutModel(folder)) {
      for (JsonNode prompt : golden.get("prompts")) {
        float[][] logits = model.logits(ids(prompt));
        for (JsonNode position : prompt.get("positions")) {
          float[] found = logits[position.get("position").intValue()];
          assertThat(largest(found)).isEqualTo(position.get("argmax").intValue());
          assertEqualAt(found, position.get("topIds"), position.get("topLogits"));
          assertEqualAt(found, golden.get("sampledVocabulary"), position.get("sampledLogits"));
        }
      }
    }
  }

  private static void assertEqualAt(float[] found, JsonNode ids, JsonNode expected) {
    assertThat(ids.size()).isPositive().isEqualTo(expected.size());
    for (int i = 0; i < ids.size(); i++) {
      assertThat(found[ids.get(i).intValue()])
          .isCloseTo(expected.get(i).floatValue(), within(2e-3f));
    }
  }

  private static int largest(float[] logits) {
    int largest = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[largest]) {
        largest = i;
      }
    }
    return largest;
  }

  private static int[] ids(JsonNode example) {
    return StreamSupport.stream(example.get("ids").spliterator(), false)
        .mapToInt(JsonNode::intValue)
        .toArray();
  }

  private static String sha256(GgufTensor tensor) {
    Hasher hasher = Hashing.sha256().newHasher();
    float[] row = new float[tensor.columns()];
    for (int r = 0; r < tensor.rows(); r++) {
      tensor.read(r, 0, row.length, row, 0);
      for (float value : row) {
        hasher.putInt(Float.floatToRawIntBits(value));
      }
    }
    return hasher.hash().toString();
  }
}
