package dev.mneme.integration.graph;

import static dev.mneme.integration.graph.SingleOperatorModel.Form.MATMUL;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.MULTI_HEAD;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.MULTI_HEAD_CACHED;
import static dev.mneme.integration.graph.SingleOperatorModel.Form.ONNX;
import static dev.mneme.integration.graph.TinyModel.PLAIN;
import static dev.mneme.integration.graph.TinyModel.Rotation.INSIDE;
import static dev.mneme.integration.graph.TinyModel.Rotation.MICROSOFT_NODES;
import static dev.mneme.integration.graph.TinyModel.Rotation.NONE;
import static dev.mneme.integration.graph.TinyModel.Rotation.ONNX_NODES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Words;
import dev.mneme.attention.onnx.GraphBuilder;
import dev.mneme.integration.graph.ModelInput.Meaning;
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
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The uncut model, in each form of attention, gives the logits of the cut one, token by token. */
class UncutModelTest {

  private static final long SEED = 20_260_202;
  private static final int TOKENS = 26;
  private static final int CHUNK = 16;

  /** Two chunks, then single tokens. */
  private static final int[] ENDS = {13, 20, 21, 22, 23, 24, 25, TOKENS};

  @TempDir private Path folder;

  private final OnnxRuntime runtime =
      OnnxRuntime.open(Device.parse("cpu"), 1, false, KernelKind.AUTO);
  private final int[] text = text(TOKENS);

  static Stream<Named<ModelProto>> models() throws IOException {
    List<Named<ModelProto>> all = new ArrayList<>();
    for (TinyModel tiny :
        List.of(
            PLAIN,
            PLAIN.withKvHeads(4, 2, 2).withWindow(5),
            PLAIN.withSeparate(INSIDE),
            PLAIN.withSeparate(NONE),
            PLAIN.withSeparate(MICROSOFT_NODES).withRotary(true, 16, 1.25f),
            PLAIN.withSeparate(ONNX_NODES),
            PLAIN.withHeadNorms().withScale(0.3f, 2))) {
      all.add(Named.of(tiny.toString(), tiny.build(Path.of(""), SEED)));
    }
    for (SingleOperatorModel single :
        List.of(
            single(MATMUL),
            new SingleOperatorModel(4, 0, 1, 0.5f, true, MATMUL, true),
            single(ONNX),
            single(MULTI_HEAD),
            new SingleOperatorModel(4, 32, 1, 0, false, MULTI_HEAD_CACHED, false))) {
      all.add(Named.of(single.toString(), single.build(SEED)));
    }
    return all.stream();
  }

  private static SingleOperatorModel single(SingleOperatorModel.Form form) {
    return new SingleOperatorModel(2, 32, 1, 0, false, form, false);
  }

  @ParameterizedTest
  @MethodSource("models")
  void givesTheLogitsOfTheCutModel(ModelProto model) throws Exception {
    ModelGraph graph = write(model);
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK);
        WholeModel whole = new WholeModel(graph)) {
      equalsCut(graph, uncut, text, 1e-4);
      // The cut model and the uncut one are read by the same code: another knows names alone.
      uncut.clear();
      int from = 0;
      for (int to : ENDS) {
        uncut.read(text, from, to);
        long[] ids = Arrays.stream(text, from, to).asLongStream().toArray();
        assertThat(logits(uncut, to - from)).containsExactly(whole.read(ids), within(1e-4f));
        from = to;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void givesTheLogitsOfTheCutModelInHalfPrecision(ModelProto model) throws Exception {
    ModelGraph graph = write(HalfPrecision.float16(model));
    assertThat(caches(graph)).extracting(CacheTensor::type).containsOnly(DataType.FLOAT16);
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 2e-2);
    }
  }

  @Test
  void float32BoundariesOfHalfPrecisionAreConverted() throws Exception {
    boundariesAreConverted(
        HalfPrecision.float32Boundaries(single(MATMUL).build(SEED)), DataType.FLOAT);
  }

  @Test
  void bfloat16BoundariesAreConverted() throws Exception {
    boundariesAreConverted(
        HalfPrecision.bfloat16Boundaries(single(MATMUL).build(SEED)), DataType.BFLOAT16);
  }

  private void boundariesAreConverted(ModelProto model, DataType type) throws Exception {
    ModelGraph graph = write(model);
    assertThat(caches(graph)).extracting(CacheTensor::type).containsOnly(type);
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 2e-2);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void forgetsWhatItRead(ModelProto model) throws Exception {
    try (UncutModel uncut = UncutModel.open(write(model), runtime, TOKENS, CHUNK)) {
      uncut.read(text, 0, 10);
      uncut.read(text, 10, 11);
      float[] first = logits(uncut, 1);
      uncut.read(text, 11, TOKENS);
      uncut.clear();
      assertThat(uncut.tokens()).isZero();
      uncut.read(text, 0, 10);
      uncut.read(text, 10, 11);
      assertThat(logits(uncut, 1)).containsExactly(first);
    }
  }

  /** Names that mislead change nothing: who reads an input says what it is. */
  @ParameterizedTest
  @MethodSource("models")
  void namesOfInputsSayNothing(ModelProto model) throws Exception {
    Map<String, String> names =
        Map.of("attention_mask", "position_ids", "position_ids", "attention_mask");
    ModelGraph graph =
        write(
            changed(
                model,
                builder -> {
                  builder
                      .getInputBuilderList()
                      .forEach(input ->
                          input.setName(names.getOrDefault(input.getName(), input.getName())));
                  builder
                      .getNodeBuilderList()
                      .forEach(node -> {
                        for (int i = 0; i < node.getInputCount(); i++) {
                          node.setInput(i, names.getOrDefault(node.getInput(i), node.getInput(i)));
                        }
                      });
                }));
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 1e-4);
    }
  }

  @Test
  void sizesMayBeInputs() throws Exception {
    ModelGraph graph =
        write(
            changed(
                PLAIN.build(folder, SEED),
                builder -> {
                  RefusalTest.node(builder, "seqlens_k").setOutput(0, "last of the mask");
                  RefusalTest.node(builder, "total").setOutput(0, "total of the mask");
                  builder.addInput(input("seqlens_k", DataType.INT32, "batch"));
                  builder.addInput(input("total", DataType.INT32));
                }));
    assertThat(graph.otherInputs())
        .extracting(ModelInput::meaning)
        .containsExactly(Meaning.MASK, Meaning.LAST_POSITION, Meaning.TOTAL);
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 1e-4);
    }
  }

  /** The text is half as long again as the tables. */
  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void rotationIsContinued(TinyModel.Rotation rotation) throws Exception {
    int[] longer = text(TinyModel.POSITIONS * 3 / 2);
    ModelProto model = PLAIN.withSeparate(rotation).build(folder, SEED);
    for (boolean half : new boolean[] {false, true}) {
      ModelGraph graph = write(half ? HalfPrecision.float16(model) : model);
      try (UncutModel uncut = UncutModel.open(graph, runtime, longer.length, CHUNK)) {
        equalsCut(graph, uncut, longer, half ? 2e-2 : 1e-4);
      }
    }
  }

  /** As in exports that keep tables of cosines and sines, from which positions choose rows. */
  @Test
  void positionsMayChooseRows() throws Exception {
    ModelGraph graph =
        write(
            changed(
                single(MATMUL).build(SEED),
                builder -> {
                  long[] positions = LongStream.range(0, TinyModel.POSITIONS).toArray();
                  builder.addInitializer(
                      TokenRows.integers("all positions", positions).toBuilder()
                          .clearDims()
                          .addAllDims(List.of(1L, (long) positions.length, 1L)));
                  RefusalTest.node(builder, "positions")
                      .setOpType("Identity")
                      .clearInput()
                      .addInput("all positions");
                  for (String wave : List.of("Cos", "Sin")) {
                    String table = wave + "_table";
                    String rows = wave + "_rows";
                    RefusalTest.insert(
                        builder, wave, "Squeeze", List.of(wave + "_plain", "at0"), table);
                    RefusalTest.insert(
                        builder, wave, "Gather", List.of(table, "position_ids"), rows);
                    RefusalTest.node(builder, wave).setInput(0, rows);
                  }
                }));
    assertThat(graph.otherInputs())
        .extracting(ModelInput::meaning)
        .containsExactly(Meaning.MASK, Meaning.POSITIONS);
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 1e-4);
    }
  }

  /** As exports of layers with a window have it, whose output is the end of keys and values. */
  @Test
  void theOutputOfACacheIsFoundBehindOtherNodes() throws Exception {
    ModelGraph graph =
        write(
            changed(
                single(MATMUL).build(SEED),
                builder -> {
                  for (String part : List.of("present.0.key", "present.0.value")) {
                    RefusalTest.node(builder, part).setOutput(0, part + "/all");
                    RefusalTest.node(builder, part + "_apart").setInput(0, part + "/all");
                    RefusalTest.insert(
                        builder,
                        part + "_apart",
                        "Slice",
                        List.of(part + "/all", "at0", "to the end", "at2"),
                        part);
                  }
                }));
    assertThat(caches(graph))
        .extracting(CacheTensor::present)
        .containsExactly("present.0.key", "present.0.value", "present.1.key", "present.1.value");
    try (UncutModel uncut = UncutModel.open(graph, runtime, TOKENS, CHUNK)) {
      equalsCut(graph, uncut, text, 1e-4);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() throws Exception {
    try (UncutModel uncut = UncutModel.open(write(single(MATMUL).build(SEED)), runtime, 20, 16)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> uncut.read(text, 0, 17))
          .withMessage("tokens at once must be 1 to 16: 17");
      uncut.read(text, 0, 16);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> uncut.read(text, 16, 21))
          .withMessage("the uncut model holds at most 20 tokens: 16 read, 5 more");
      uncut.read(text, 16, 20);
      assertThat(uncut.tokens()).isEqualTo(20);
    }
  }

  @Test
  void inputsOfUnknownMeaningAreRefused() throws Exception {
    ModelGraph graph =
        write(
            changed(
                PLAIN.build(folder, SEED),
                builder -> builder.addInput(input("bias", DataType.DOUBLE, "batch", "total"))));
    assertThatThrownBy(() -> UncutModel.open(graph, runtime, TOKENS, CHUNK))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("input 'bias' is DOUBLE of rank 2");
  }

  @ParameterizedTest
  @MethodSource("models")
  void theSelfCheckFindsNoDifference(ModelProto model) throws Exception {
    try (SegmentedModel cut = SegmentedModel.open(write(model), runtime)) {
      assertThat(SelfCheck.compare(cut)).isLessThan(1e-5);
    }
    try (SegmentedModel half = SegmentedModel.open(write(HalfPrecision.float16(model)), runtime)) {
      assertThat(SelfCheck.compare(half)).isLessThan(2e-2);
    }
  }

  /** Rounding to half precision differs in between, which rounding to 8 bits makes more of. */
  @ParameterizedTest
  @MethodSource("models")
  void theSelfCheckAllowsForRoundedActivations(ModelProto model) throws Exception {
    ModelProto quantised = FourBits.of(model);
    try (SegmentedModel cut = SegmentedModel.open(write(quantised), runtime)) {
      assertThat(cut.graph().roundsActivations()).isTrue();
      assertThat(SelfCheck.compare(cut)).isLessThan(1e-3);
    }
    ModelProto half = HalfPrecision.float16(quantised);
    try (SegmentedModel cut = SegmentedModel.open(write(half), runtime)) {
      assertThat(SelfCheck.compare(cut)).isLessThan(2e-2);
    }
  }

  private ModelGraph write(ModelProto model) throws IOException {
    return ModelGraph.read(Files.write(folder.resolve("model.onnx"), model.toByteArray()));
  }

  private static ModelProto changed(ModelProto model, Consumer<GraphProto.Builder> change) {
    ModelProto.Builder builder = model.toBuilder();
    change.accept(builder.getGraphBuilder());
    return builder.build();
  }

  private static ValueInfoProto input(String name, DataType type, Object... dims) {
    return new GraphBuilder("input", 22).input(name, type, dims).build().getGraph().getInput(0);
  }

  private static Stream<CacheTensor> caches(ModelGraph graph) {
    return graph.layers().stream().flatMap(layer -> layer.cache().tensors().stream());
  }

  private static int[] text(int tokens) {
    return new Random(SEED).ints(tokens, 0, TinyModel.VOCABULARY).toArray();
  }

  /** Reads a text in pieces, all of it within the window of the cut model. */
  private void equalsCut(ModelGraph graph, UncutModel uncut, int[] text, double tolerance) {
    MemoryConfig config =
        MemoryConfig.builder()
            .nLocal(128)
            .queryBlock(8)
            .blockSize(8)
            .nInit(4)
            .words(Words.NONE)
            .build();
    try (SegmentedModel model = SegmentedModel.open(graph, runtime)) {
      MemoryAttention memory =
          model.newMemory(config, ArenaBlockStore.factory(BlockPrecision.FLOAT32), ExactIndex::new);
      try (TokenReader cut = new TokenReader(model, memory, null, CHUNK)) {
        int from = 0;
        while (from < text.length) {
          int to = from < 20 ? Math.min(text.length, from + 13) : from + 1;
          uncut.read(text, from, to);
          cut.read(text, from, to);
          float[] expected = new float[(to - from) * graph.vocabularySize()];
          cut.eachLogits((row, number) ->
              MemorySegment.copy(
                  row,
                  JAVA_FLOAT,
                  0,
                  expected,
                  number * graph.vocabularySize(),
                  graph.vocabularySize()));
          assertClose(logits(uncut, to - from), expected, tolerance);
          from = to;
        }
        assertThat(uncut.tokens()).isEqualTo(text.length);
      }
    }
  }

  /** Compares in proportion to the largest element, which must tell something. */
  private static void assertClose(float[] found, float[] expected, double tolerance) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(largest).isGreaterThan(0.1f);
    assertThat(found).containsExactly(expected, within((float) (tolerance * largest)));
  }

  private static float[] logits(UncutModel uncut, int rows) {
    float[] logits = new float[rows * TinyModel.VOCABULARY];
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(
          uncut.logits(row),
          JAVA_FLOAT,
          0,
          logits,
          row * TinyModel.VOCABULARY,
          TinyModel.VOCABULARY);
    }
    return logits;
  }
}
