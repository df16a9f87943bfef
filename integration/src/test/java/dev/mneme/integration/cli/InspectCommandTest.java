package dev.mneme.integration.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class InspectCommandTest {

  private static final int LAYERS = 3;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  @BeforeEach
  void writeModel() throws IOException {
    GraphBuilder graph =
        new GraphBuilder("inspected", 22)
            .input("input_ids", DataType.INT64, "batch", "tokens")
            .initializer("table", new float[10 * 4], 10, 4)
            .initializer("widen", new float[4 * 24], 4, 24)
            .initializer("narrow", new float[8 * 4], 8, 4)
            .initializer("head", new float[4 * 10], 4, 10)
            .node("Gather", List.of("table", "input_ids"), "x0");
    for (int i = 0; i < LAYERS; i++) {
      graph
          .input("past_key" + i, DataType.FLOAT, 1, 1, "past", 8)
          .input("past_value" + i, DataType.FLOAT, 1, 1, "past", 8)
          .output("present_key" + i, DataType.FLOAT, 1, 1, "total", 8)
          .output("present_value" + i, DataType.FLOAT, 1, 1, "total", 8)
          .node("MatMul", List.of("x" + i, "widen"), "qkv" + i)
          .node(
              GraphBuilder.MICROSOFT,
              "GroupQueryAttention",
              List.of("qkv" + i, "", "", "past_key" + i, "past_value" + i),
              List.of("attention" + i, "present_key" + i, "present_value" + i),
              GraphBuilder.attribute("num_heads", 1L),
              GraphBuilder.attribute("kv_num_heads", 1L))
          .node("MatMul", List.of("attention" + i, "narrow"), "mixed" + i)
          .node("Add", List.of("x" + i, "mixed" + i), "x" + (i + 1));
    }
    graph
        .node("MatMul", List.of("x" + LAYERS, "head"), "logits")
        .output("logits", DataType.FLOAT, "batch", "tokens", 10);
    Files.write(folder.resolve("model.onnx"), graph.build().toByteArray());
  }

  @Test
  void printsWhatWasFoundAndSharesLines() {
    assertThat(run("--model", folder.toString())).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "model       " + folder.resolve("model.onnx"),
            "vocabulary  10, hidden size 4",
            "memory      192 bytes per token (float32)",
            // With onnx besides, a layer: 4 * (2 * 8 * 1727 + (3 * 8 + 1727) + 1727) to decode,
            // 4 * (2 * 8 * 1791 + 64 * (3 * 8 + 1791) + 2 * 1791) / 64 to read by tiles.
            "bus         528 bytes to decode a token on a GPU and 440 to read one with kernel simd, 373848 and 28265 with onnx",
            "layers      3",
            "  0-2       GroupQueryAttention: 1 heads, 1 key/value heads of 8, scale 0.35355338, packed projection; no rotation",
            "segments    4",
            "  0         input_ids [1] -> qkv0 [24], x0 [4]",
            "  1-2       attention0 [8], x0 [4] -> qkv1 [24], x1 [4]",
            "  3         attention2 [8], x2 [4] -> logits [10]");
  }

  @Test
  void writesJson() throws IOException {
    Path json = folder.resolve("report.json");
    assertThat(run("--model", folder.resolve("model.onnx").toString(), "--json", json.toString()))
        .isZero();
    JsonNode report = new ObjectMapper().readTree(json.toFile());
    assertThat(report.at("/bytesPerToken").asLong()).isEqualTo(192);
    assertThat(report.at("/layers")).hasSize(LAYERS);
    assertThat(report.at("/layers/1/headDim").asInt()).isEqualTo(8);
    assertThat(report.at("/segments/3/outputs/0/name").asText()).isEqualTo("logits");
  }

  @Test
  void aModelThatCannotBeReadFails() throws IOException {
    Files.writeString(folder.resolve("model.onnx"), "something else");
    assertThat(run("--model", folder.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("model.onnx: not an ONNX file");
    assertThat(out.toString()).isEmpty();
  }

  private int run(String... args) {
    return new CommandLine(new InspectCommand())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(args);
  }
}
