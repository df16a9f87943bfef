package dev.mneme.integration.graph;

import static dev.mneme.integration.graph.TinyModel.PLAIN;
import static dev.mneme.integration.graph.TinyModel.VOCABULARY;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Positions;
import dev.mneme.attention.onnx.GraphBuilder;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.integration.runtime.UncutModel;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models whose rotation depends on the length of the text, as LongRoPE's does. */
class LengthChoiceTest {

  private static final int LIMIT = 30;
  private static final float MAGNITUDE = 1.25f;
  private static final long SEED = 5;
  private static final String LENGTH = "total_wide";

  @TempDir private Path folder;

  private final OnnxRuntime runtime =
      OnnxRuntime.open(Device.parse("cpu"), 1, false, KernelKind.AUTO);

  @ParameterizedTest
  @CsvSource({
    "Greater, 30, false, true",
    "GreaterOrEqual, 31, false, true",
    "Less, 31, false, false",
    "LessOrEqual, 30, false, false",
    "Less, 30, true, true",
    "LessOrEqual, 31, true, true",
    "Greater, 31, true, false",
    "GreaterOrEqual, 30, true, false"
  })
  void bothRotationsAreThoseOfTheWholeModel(
      String comparison, long constant, boolean constantFirst, boolean thenIsLonger)
      throws Exception {
    ModelGraph graph =
        write(choosing(condition(comparison, constant, constantFirst), thenIsLonger));
    for (AttentionLayer layer : graph.layers()) {
      assertThat(layer.rotary().limit()).isEqualTo(LIMIT);
      assertThat(layer.rotary().shorter().magnitude()).isEqualTo(1);
      assertThat(layer.rotary().longer().magnitude()).isEqualTo(MAGNITUDE);
    }
    equalsWhole(graph, LIMIT);
    equalsWhole(graph, LIMIT + 1);
    try (SegmentedModel model = SegmentedModel.open(graph, runtime)) {
      assertThat(SelfCheck.compare(model)).isLessThan(1e-5);
    }
  }

  /** Reads a text at once: ONNX Runtime chooses the table by the file's own condition. */
  private void equalsWhole(ModelGraph graph, int tokens) throws Exception {
    int[] text = new Random(SEED).ints(tokens, 0, VOCABULARY).toArray();
    MemoryConfig config =
        MemoryConfig.windowOnly(tokens).toBuilder()
            .positions(Positions.INFLLM)
            .farDistance(tokens)
            .build();
    assertThat(config.largestDistance()).isEqualTo(tokens);
    try (WholeModel whole = new WholeModel(graph);
        UncutModel uncut = UncutModel.open(graph, runtime, tokens, tokens);
        SegmentedModel model = SegmentedModel.open(graph, runtime);
        TokenReader cut = new TokenReader(model, memory(model, config), null, tokens)) {
      float[] expected = whole.read(Arrays.stream(text).asLongStream().toArray());
      uncut.read(text, 0, tokens);
      cut.read(text, 0, tokens);
      for (int token = 0; token < tokens; token++) {
        float[] row = Arrays.copyOfRange(expected, token * VOCABULARY, (token + 1) * VOCABULARY);
        assertThat(uncut.logits(token).toArray(JAVA_FLOAT)).containsExactly(row, within(1e-4f));
      }
      cut.eachLogits((logits, token) -> {
        float[] row = Arrays.copyOfRange(expected, token * VOCABULARY, (token + 1) * VOCABULARY);
        assertThat(logits.toArray(JAVA_FLOAT)).containsExactly(row, within(1e-4f));
      });
    }
  }

  private static MemoryAttention memory(SegmentedModel model, MemoryConfig config) {
    return model.newMemory(
        config, ArenaBlockStore.factory(BlockPrecision.FLOAT32), ExactIndex::new);
  }

  @Test
  void aConditionThatIsNotOfTheLengthIsFound() throws Exception {
    ModelProto.Builder misleading = choosing(condition("Greater", LIMIT, false), true).toBuilder();
    GraphProto.Builder graph = misleading.getGraphBuilder();
    List<NodeProto> nodes = new ArrayList<>();
    for (NodeProto node : graph.getNodeList()) {
      if (node.getOutput(0).equals("chosen")) {
        nodes.add(node("Add", List.of(LENGTH, "offset"), "no_length"));
        nodes.add(node.toBuilder().setInput(0, "no_length").build());
      } else {
        nodes.add(node);
      }
    }
    graph.clearNode().addAllNode(nodes).addInitializer(number("offset", 100));
    try (SegmentedModel model = SegmentedModel.open(write(misleading.build()), runtime)) {
      assertThatThrownBy(() -> SelfCheck.compare(model))
          .isInstanceOf(UnsupportedModelException.class)
          .hasMessageContaining("layer 0");
    }
  }

  @Test
  void aConditionThatComparesNothingIsRefused() throws Exception {
    NodeProto always = node("Not", List.of("never"), "chosen");
    ModelProto model = choosing(always, true);
    ModelProto.Builder withInput = model.toBuilder();
    withInput
        .getGraphBuilder()
        .addInput(
            new GraphBuilder("input", 22)
                .input("never", DataType.BOOL, 1)
                .build()
                .getGraph()
                .getInput(0));
    assertThatThrownBy(() -> write(withInput.build()))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("the cosines of its rotation come from node 'choice' (If)");
  }

  /** As of a condition that is about something else: no text is as short as that. */
  @ParameterizedTest
  @CsvSource({"Greater, 0", "GreaterOrEqual, 1", "Less, -5"})
  void lengthsBelowOneAreRefused(String comparison, long constant) throws Exception {
    ModelProto model = choosing(condition(comparison, constant, false), true);
    assertThatThrownBy(() -> write(model))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("the cosines of its rotation come from node 'choice' (If)");
  }

  @Test
  void theConfigurationChoosesTheLength() {
    assertThat(MemoryConfig.defaults().largestDistance()).isEqualTo(8768);
    assertThat(MemoryConfig.builder().maxGap(0).build().largestDistance()).isEqualTo(1856);
    assertThat(MemoryConfig.builder().maxGap(0).distanceScale(0.25).build().largestDistance())
        .isEqualTo(464);
  }

  @Test
  void severalLengthsAreRefused() throws Exception {
    ModelProto once = choosing(condition("Greater", LIMIT, false), true);
    ModelProto.Builder twice = once.toBuilder();
    GraphProto.Builder graph = twice.getGraphBuilder();
    NodeProto choice =
        graph.getNodeList().stream()
            .filter(node -> node.getOpType().equals("If"))
            .findFirst()
            .orElseThrow();
    graph.addInitializer(number("other_limit", 2 * LIMIT));
    graph.addNode(node("Greater", List.of(LENGTH, "other_limit"), "other_condition"));
    graph.addNode(
        choice.toBuilder()
            .setInput(0, "other_condition")
            .clearOutput()
            .addAllOutput(List.of("other_cos", "other_sin")));
    assertThatThrownBy(() -> write(twice.build()))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("[30, 60] tokens");
  }

  private static NodeProto condition(String comparison, long constant, boolean constantFirst) {
    List<String> inputs = List.of(LENGTH, constant + "_tokens");
    return node(comparison, constantFirst ? inputs.reversed() : inputs, "chosen");
  }

  private static NodeProto node(String operator, List<String> inputs, String output) {
    return new GraphBuilder("node", 22)
        .node(operator, inputs, output)
        .build()
        .getGraph()
        .getNode(0);
  }

  private static TensorProto number(String name, long value) {
    return new GraphBuilder("limit", 22)
        .initializer(name, new long[] {value})
        .build()
        .getGraph()
        .getInitializer(0);
  }

  /** A model whose tables are the plain ones, or those of another base and magnitude. */
  private static ModelProto choosing(NodeProto condition, boolean thenIsLonger) throws IOException {
    ModelProto plain = PLAIN.build(Path.of(""), SEED);
    GraphProto other =
        PLAIN
            .withRotary(false, PLAIN.rotaryDim(), MAGNITUDE)
            .withWindow(1)
            .build(Path.of(""), SEED)
            .getGraph();
    NodeProto choice =
        NodeProto.newBuilder()
            .setName("choice")
            .setOpType("If")
            .addInput("chosen")
            .addAllOutput(List.of("cos_cache", "sin_cache"))
            .addAttribute(
                branch("then_branch", thenIsLonger ? other : plain.getGraph(), thenIsLonger))
            .addAttribute(
                branch("else_branch", thenIsLonger ? plain.getGraph() : other, !thenIsLonger))
            .build();
    ModelProto.Builder model = plain.toBuilder();
    GraphProto.Builder graph = model.getGraphBuilder();
    List<NodeProto> nodes = new ArrayList<>(graph.getNodeList());
    int behindLength =
        1
            + nodes.indexOf(
                nodes.stream()
                    .filter(node -> node.getOutputList().contains(LENGTH))
                    .findFirst()
                    .orElseThrow());
    nodes.addAll(behindLength, List.of(condition, choice));
    List<TensorProto> kept =
        graph.getInitializerList().stream()
            .filter(tensor -> !choice.getOutputList().contains(tensor.getName()))
            .toList();
    graph.clearNode().addAllNode(nodes).clearInitializer().addAllInitializer(kept);
    for (String input : condition.getInputList()) {
      if (input.endsWith("_tokens")) {
        graph.addInitializer(number(input, Long.parseLong(input.replace("_tokens", ""))));
      }
    }
    return model.build();
  }

  private static AttributeProto branch(String name, GraphProto from, boolean local) {
    GraphProto.Builder branch = GraphProto.newBuilder().setName(name);
    for (String table : List.of("cos_cache", "sin_cache")) {
      TensorProto values =
          from.getInitializerList().stream()
              .filter(tensor -> tensor.getName().equals(local ? table + "_local" : table))
              .findFirst()
              .orElseThrow();
      String output = table + "_" + name;
      branch
          .addNode(
              NodeProto.newBuilder()
                  .setOpType("Constant")
                  .addOutput(output)
                  .addAttribute(
                      AttributeProto.newBuilder()
                          .setName("value")
                          .setType(AttributeProto.AttributeType.TENSOR)
                          .setT(values)))
          .addOutput(
              new GraphBuilder("output", 22)
                  .output(output, DataType.FLOAT, values.getDims(0), values.getDims(1))
                  .build()
                  .getGraph()
                  .getOutput(0));
    }
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.GRAPH)
        .setG(branch)
        .build();
  }

  private ModelGraph write(ModelProto model) throws IOException {
    return ModelGraph.read(Files.write(folder.resolve("model.onnx"), model.toByteArray()));
  }
}
