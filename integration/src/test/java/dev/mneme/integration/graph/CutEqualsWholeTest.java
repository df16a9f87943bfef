package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.MATMUL;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.MULTI_HEAD;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.MULTI_HEAD_CACHED;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.ONNX;
import static dev.mneme.integration.graph.SingleOperatorModel.Turning.COMPLEX;
import static dev.mneme.integration.graph.SingleOperatorModel.Turning.HALVES_BY_COLUMN;
import static dev.mneme.integration.graph.SingleOperatorModel.Turning.STRIDED;
import static dev.mneme.integration.graph.SingleOperatorModel.Turning.TABLE;
import static dev.mneme.integration.graph.TinyModel.PLAIN;
import static dev.mneme.integration.graph.TinyModel.Rotation.INSIDE;
import static dev.mneme.integration.graph.TinyModel.Rotation.MICROSOFT_NODES;
import static dev.mneme.integration.graph.TinyModel.Rotation.NONE;
import static dev.mneme.integration.graph.TinyModel.Rotation.ONNX_NODES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Segments with attention between them give the logits of the model that they were cut from. */
class CutEqualsWholeTest {

  private static final long SEED = 20_260_101;

  static Stream<TinyModel> models() {
    return Stream.of(
        PLAIN,
        PLAIN.withKvHeads(4, 1, 2),
        PLAIN.withRotary(true, 32, 1),
        PLAIN.withRotary(false, 16, 1),
        PLAIN.withRotary(false, 32, 1.25f),
        PLAIN.withScale(0.3f, 0),
        PLAIN.withScale(0.3f, 0.5f),
        PLAIN.withWindow(5),
        PLAIN.withBias(),
        PLAIN.withHeadNorms(),
        PLAIN.withHeadNorms().withWindow(5).withScale(0.3f, 0),
        PLAIN.withScale(0.3f, 2).withWindow(4).withKvHeads(2, 2, 2),
        PLAIN.withShape(true, false, false),
        PLAIN.withShape(true, true, true),
        PLAIN.withShape(false, true, false).withKvHeads(2, 2, 2),
        PLAIN.withSeparate(INSIDE),
        PLAIN.withSeparate(NONE),
        PLAIN.withSeparate(MICROSOFT_NODES),
        PLAIN.withSeparate(MICROSOFT_NODES).withRotary(true, 16, 1.25f).withKvHeads(1, 4),
        PLAIN.withSeparate(ONNX_NODES),
        PLAIN.withSeparate(ONNX_NODES).withRotary(true, 16, 1).withShape(false, true, true));
  }

  static Stream<SingleOperatorModel> singleOperators() {
    return Stream.of(
        new SingleOperatorModel(4, 32, 1, 0, false, MATMUL, false),
        new SingleOperatorModel(2, 32, 1, 0, true, MATMUL, false),
        new SingleOperatorModel(1, 16, 1.25f, 0, false, MATMUL, true),
        new SingleOperatorModel(2, 0, 1, 0.5f, false, MATMUL, false),
        new SingleOperatorModel(2, 32, 1, 0.5f, true, MATMUL, true),
        new SingleOperatorModel(2, 32, 1, 0, false, ONNX, false),
        new SingleOperatorModel(1, 16, 1.25f, 0.5f, false, ONNX, true),
        new SingleOperatorModel(2, 32, 1, 0, false, MULTI_HEAD, false),
        new SingleOperatorModel(1, 16, 1.25f, 0, false, MULTI_HEAD, true),
        new SingleOperatorModel(4, 32, 1, 0, false, MULTI_HEAD_CACHED, false),
        new SingleOperatorModel(4, 0, 1, 0, false, MULTI_HEAD_CACHED, true),
        new SingleOperatorModel(2, 32, 1, 0, true, MATMUL, true).turning(HALVES_BY_COLUMN),
        new SingleOperatorModel(1, 16, 1.25f, 0, false, MATMUL, false).turning(HALVES_BY_COLUMN),
        new SingleOperatorModel(4, 32, 1, 0, false, MATMUL, false).turning(STRIDED),
        new SingleOperatorModel(2, 16, 1.25f, 0, true, MATMUL, true).turning(STRIDED),
        new SingleOperatorModel(2, 32, 1, 0, false, ONNX, false).turning(STRIDED),
        new SingleOperatorModel(4, 32, 1, 0, false, MATMUL, false).turning(COMPLEX),
        new SingleOperatorModel(1, 16, 1.25f, 0, false, MATMUL, false).turning(COMPLEX),
        new SingleOperatorModel(2, 32, 1, 0, false, MULTI_HEAD, false).turning(COMPLEX),
        new SingleOperatorModel(4, 32, 1, 0, false, MATMUL, false).turning(TABLE),
        new SingleOperatorModel(2, 16, 1.25f, 0, false, MATMUL, false).turning(TABLE));
  }

  @ParameterizedTest
  @MethodSource("singleOperators")
  void logitsOfSingleOperatorsAreEqual(SingleOperatorModel tiny, @TempDir Path folder)
      throws Exception {
    tiny.write(folder, SEED);
    cutEqualsWhole(folder, 1e-4f);
    ModelGraph graph = ModelGraph.read(folder);
    assertThat(graph.layers()).extracting(AttentionLayer::kvHeads).containsOnly(tiny.kvHeads());
    for (AttentionLayer layer : graph.layers()) {
      assertThat(layer.rotary().shorter().rotaryDim()).isEqualTo(tiny.rotaryDim());
      assertThat(layer.rotary().shorter().magnitude())
          .isEqualTo(tiny.rotaryDim() == 0 ? 1 : tiny.magnitude());
      assertThat(layer.rotary().shorter().interleaved())
          .isEqualTo(tiny.rotaryDim() > 0 && tiny.turning().interleaved());
    }
    for (Segment segment : graph.segments()) {
      assertThat(segment.model().getGraph().getInputList())
          .as("masks, positions, sizes and caches are gone")
          .hasSameSizeAs(segment.inputs());
    }
  }

  @Test
  void halfPrecisionPassesBetweenSegmentsAsFloat32(@TempDir Path folder) throws Exception {
    ModelProto.Builder model = PLAIN.withShape(false, true, false).build(folder, SEED).toBuilder();
    GraphProto.Builder graph = model.getGraphBuilder();
    RefusalTest.cast(graph, "middle0", "x0", DataType.FLOAT16, "x0_half");
    RefusalTest.cast(graph, "middle0", "mixed0", DataType.FLOAT16, "mixed0_half");
    RefusalTest.insert(graph, "middle0", "Add", List.of("x0_half", "mixed0_half"), "sum_half");
    RefusalTest.cast(graph, "middle0", "sum_half", DataType.FLOAT, "sum");
    RefusalTest.node(graph, "middle0").setOpType("Identity").clearInput().addInput("sum");
    Files.write(folder.resolve("model.onnx"), model.build().toByteArray());
    // ONNX Runtime adds in float32 where it likes to, and rounds otherwise.
    cutEqualsWhole(folder, 1e-2f);
    assertThat(ModelGraph.read(folder).segments().get(1).inputs())
        .extracting(TensorSpec::name)
        .containsExactly("attention0", "fed0", "x0_half/float32");
  }

  /** As ONNX Runtime's dynamic quantisation leaves attention: its products are of integers. */
  @Test
  void productsOfActivationsAreNotRounded(@TempDir Path folder) throws Exception {
    SingleOperatorModel single = new SingleOperatorModel(2, 32, 1, 0, true, MATMUL, true);
    ModelProto exact = single.build(SEED);
    Path file = Files.write(folder.resolve("exact.onnx"), exact.toByteArray());
    Path rounding = Files.write(folder.resolve("rounding.onnx"), rounding(exact).toByteArray());
    long[] prompt = new Random(SEED).longs(12, 0, TinyModel.VOCABULARY).toArray();
    try (WholeModel whole = new WholeModel(ModelGraph.read(file));
        WholeModel rounded = new WholeModel(ModelGraph.read(rounding));
        CutModel cut = new CutModel(ModelGraph.read(rounding))) {
      float[] expected = whole.read(prompt);
      assertThat(cut.read(prompt)).containsExactly(expected, within(1e-4f));
      assertThat(rounded.read(prompt)).isNotEqualTo(expected);
      assertThat(rounded.read(7)).containsExactly(whole.read(7), within(0.2f));
    }
  }

  private static ModelProto rounding(ModelProto model) {
    ModelProto.Builder rounding = model.toBuilder();
    GraphProto.Builder graph = rounding.getGraphBuilder().clearNode();
    Set<String> weights = new HashSet<>();
    model.getGraph().getInitializerList().forEach(weight -> weights.add(weight.getName()));
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (!node.getOpType().equals("MatMul")
          || node.getInputList().stream().anyMatch(weights::contains)) {
        graph.addNode(node);
        continue;
      }
      String name = node.getOutput(0);
      for (int i = 0; i < 2; i++) {
        String to = name + i;
        graph.addNode(
            operator("DynamicQuantizeLinear", node.getInput(i))
                .addAllOutput(List.of(to, to + "_scale", to + "_zero")));
      }
      graph.addNode(
          operator("MatMulInteger", name + 0, name + 1, name + "0_zero", name + "1_zero")
              .addOutput(name + "_integers"));
      graph.addNode(
          operator("Cast", name + "_integers")
              .addAttribute(attribute("to", 1L))
              .addOutput(name + "_cast"));
      graph.addNode(operator("Mul", name + "0_scale", name + "1_scale").addOutput(name + "_scale"));
      graph.addNode(operator("Mul", name + "_cast", name + "_scale").addOutput(name));
    }
    return rounding.build();
  }

  private static NodeProto.Builder operator(String type, String... inputs) {
    return NodeProto.newBuilder().setOpType(type).addAllInput(List.of(inputs));
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreEqual(TinyModel tiny, @TempDir Path folder) throws Exception {
    tiny.write(folder, SEED);
    cutEqualsWhole(folder, 1e-4f);
  }

  private static void cutEqualsWhole(Path folder, float tolerance) throws Exception {
    ModelGraph graph = ModelGraph.read(folder);
    long[] prompt = new Random(SEED).longs(12, 0, TinyModel.VOCABULARY).toArray();
    try (WholeModel whole = new WholeModel(graph);
        CutModel cut = new CutModel(graph)) {
      assertThat(cut.read(prompt)).containsExactly(whole.read(prompt), within(tolerance));
      assertThat(cut.read(7)).containsExactly(whole.read(7), within(tolerance));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void whatWasReadIsWhatWasWritten(TinyModel tiny, @TempDir Path folder) throws Exception {
    tiny.write(folder, SEED);
    ModelGraph graph = ModelGraph.read(folder);
    assertThat(graph.vocabularySize()).isEqualTo(TinyModel.VOCABULARY);
    assertThat(graph.hiddenSize()).isEqualTo(TinyModel.HIDDEN);
    assertThat(graph.tokenInput()).isEqualTo("input_ids");
    assertThat(graph.layers())
        .extracting(AttentionLayer::kvHeads)
        .containsExactlyElementsOf(tiny.kvHeads());
    int kvHeads = tiny.kvHeads().stream().mapToInt(Integer::intValue).sum();
    assertThat(graph.bytesPerToken()).isEqualTo(2L * kvHeads * TinyModel.HEAD_DIM * Float.BYTES);
    for (AttentionLayer layer : graph.layers()) {
      RotaryTable rotary = layer.rotary().shorter();
      if (tiny.rotation() == NONE) {
        assertThat(rotary).isEqualTo(RotaryTable.NONE);
      } else {
        assertThat(rotary.rotaryDim()).isEqualTo(tiny.rotaryDim());
        assertThat(rotary.interleaved()).isEqualTo(tiny.interleaved());
        assertThat(rotary.magnitude()).isEqualTo(tiny.magnitude());
        assertThat(rotary.base()).hasValueCloseTo(tiny.theta(layer.index()), within(0.1));
      }
    }
    for (Segment segment : graph.segments()) {
      assertThat(segment.model().getIrVersion()).isEqualTo(10);
      assertThat(segment.model().getGraph().getValueInfoCount()).isZero();
      assertThat(segment.model().getGraph().getInputList())
          .as("masks, positions and caches are gone")
          .hasSameSizeAs(segment.inputs());
    }
  }
}
