package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;
import static dev.mneme.integration.graph.TinyModel.PLAIN;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What would change the mathematics is refused, in one line that names where it is. */
class RefusalTest {

  private static final TinyModel SEPARATE = PLAIN.withSeparate(TinyModel.Rotation.MICROSOFT_NODES);

  static Stream<Arguments> mutilations() {
    return Stream.of(
            attributes(),
            inputs(),
            rotations(),
            otherAttention(),
            whatSegmentsMayNotHold(),
            whatLayersMayNotPass())
        .flatMap(each -> each);
  }

  private static Stream<Arguments> attributes() {
    return Stream.of(
        core(attribute("softcap", -1f), "softcap is -1.0, supported is at least 0"),
        core(attribute("local_window_size", 0L), "local_window_size is 0"),
        core(attribute("smooth_softmax", 1L), "smooth_softmax is 1"),
        core(attribute("qk_output", 1L), "qk_output is 1"),
        core(attribute("kv_cache_bit_width", 8L), "kv_cache_bit_width is 8"),
        core(text("k_quant_type", "PER_TENSOR"), "k_quant_type is PER_TENSOR"),
        core(attribute("frobnicate", 3L), "frobnicate is 3, supported is its absence"),
        core(attribute("kv_num_heads", 3L), "num_heads 4 is not a multiple of kv_num_heads 3"),
        core(attribute("num_heads", 0L), "num_heads is 0"),
        core(attribute("num_heads", 8L), "'qkv0' has 256 elements per token"));
  }

  private static Stream<Arguments> inputs() {
    return Stream.of(
        coreInput(10, "one", "input attention_bias is 'one'"),
        coreInput(11, "one", "input head_sink is 'one'"),
        coreInput(12, "one", "input k_scale is 'one'"),
        coreInput(14, "one", "input q_norm_weight is 'one'"),
        coreInput(16, "one", "input 16 is 'one'"),
        coreInput(1, "x0", "only one of key and value"),
        coreInput(3, "x0", "past_key is 'x0', supported is an input of the graph"),
        coreInput(9, "last", "positions 'last' are computed in the graph"),
        coreInput(7, "nowhere", "reads 'nowhere', which no node before it"));
  }

  private static Stream<Arguments> rotations() {
    return Stream.of(
        mutilated(PLAIN, graph -> chooseTables(graph), "come from node 'choice' (If)"),
        mutilated(
            PLAIN, graph -> set(graph, "sin_cache", 40, 0.5f), "unknown rotation", "column 8"),
        mutilated(PLAIN, graph -> set(graph, "cos_cache", 0, 0f), "unknown rotation", "row 0"),
        coreInput(7, "", "the cosines of its rotation come from no input"),
        coreInput(8, "one", "are not both [positions, pairs]"),
        mutilated(
            SEPARATE,
            graph -> core(graph).setInput(1, "k0"),
            "only one of query and key is rotated"),
        mutilated(
            SEPARATE,
            graph -> node(graph, "k0_rotated").addAttribute(attribute("scale", 2f)),
            "attribute scale is not supported with the value 2.0"),
        mutilated(
            SEPARATE,
            graph -> {
              node(graph, "q0_rotated").clearAttribute().addAttribute(attribute("interleaved", 1L));
            },
            "node 'attention0/GroupQueryAttention'",
            "its keys are rotated otherwise than its queries"),
        mutilated(
            SEPARATE,
            graph -> {
              insert(graph, "core", "Neg", List.of("q0_rotated"), "turned");
              insert(graph, "core", "Neg", List.of("k0_rotated"), "turned_key");
              core(graph).setInput(0, "turned").setInput(1, "turned_key");
            },
            "_rotated/RotaryEmbedding' (com.microsoft.RotaryEmbedding)",
            "every token by itself"));
  }

  private static Stream<Arguments> otherAttention() {
    Stream<Arguments> operators =
        Stream.of(
                "Attention",
                "DecoderMaskedMultiHeadAttention",
                "SparseAttention",
                "PagedAttention",
                "LinearAttention")
            .map(operator ->
                mutilated(
                    PLAIN,
                    graph -> core(graph).setOpType(operator),
                    "(com.microsoft." + operator + "): is an attention operator",
                    "supported are GroupQueryAttention and MultiHeadAttention"));
    return Stream.concat(
        operators,
        Stream.of(
            mutilated(
                PLAIN,
                graph -> core(graph).setDomain("").setOpType("Attention"),
                "(Attention): attribute num_heads is not supported with its value"),
            mutilated(
                PLAIN,
                graph -> core(graph).setOpType("MultiHeadAttention"),
                "(com.microsoft.MultiHeadAttention): attribute kv_num_heads is not supported"),
            model(multiHead(1, ""), "MultiHeadAttention): its queries, keys and values are packed"),
            model(multiHead(3, "head"), "input 3 is 'head', supported are masks"),
            model(multiHead(7, ""), "input 7 is '', supported are masks"),
            model(multiHead(6, "x0"), "input 6 is 'x0', supported are masks"),
            model(
                single(true),
                "'weights/Softmax' (Softmax): its keys come from 'x' without a cache in front"),
            model(
                single(false),
                "no past key and value inputs (found inputs input_ids, mask)",
                "BERT"),
            model(withoutLayers("input_ids").build(), "the graph has no attention node"),
            model(
                withoutLayers("input_ids").node("If", List.of("input_ids"), "branch").build(),
                "'branch/If' (If): holds the attention in a graph of its own"),
            mutilated(
                PLAIN,
                graph ->
                    graph.addInput(graph.getInput(0).toBuilder().setName("encoder_hidden_states")),
                "input 'encoder_hidden_states'",
                "encoder-decoder")));
  }

  /** A model whose first attention has another input. */
  private static ModelProto multiHead(int input, String tensor) {
    ModelProto.Builder model =
        new SingleOperatorModel(
                4, 32, 1, 0, false, SingleOperatorModel.Form.MULTI_HEAD_CACHED, false)
            .build(1).toBuilder();
    node(model.getGraphBuilder(), "attended0").setInput(input, tensor);
    return model.build();
  }

  private static Stream<Arguments> whatSegmentsMayNotHold() {
    return Stream.of(
        mutilated(
            PLAIN,
            graph -> {
              graph.getInputBuilder(0).setName("inputs_embeds");
              node(graph, "x0").setOpType("Identity").clearInput().addInput("inputs_embeds");
            },
            "no single input of token ids (found inputs inputs_embeds, attention_mask"),
        mutilated(
            PLAIN,
            graph ->
                graph
                    .getInputBuilder(0)
                    .getTypeBuilder()
                    .getTensorTypeBuilder()
                    .setElemType(DataType.INT32_VALUE),
            "input 'input_ids' is INT32 of rank 2, supported is INT64"),
        mutilated(
            PLAIN,
            graph -> {
              insert(graph, "normed0", "Add", List.of("x0", "attention_mask"), "placed");
              node(graph, "normed0").setInput(0, "placed");
            },
            "node 'placed/Add' (Add): reads input 'attention_mask'"),
        mutilated(
            PLAIN,
            graph -> {
              insert(
                  graph,
                  "normed1",
                  "CausalConvWithState",
                  List.of("x1", "past_key_values.0.key"),
                  "conv");
              node(graph, "normed1").setInput(0, "conv");
            },
            "'conv/CausalConvWithState'",
            "the shape of 'conv' is neither declared nor known"),
        mutilated(
            PLAIN,
            graph -> {
              graph.addInput(hidden("past.0.recurrent"));
              insert(graph, "normed1", "Mul", List.of("x1", "past.0.recurrent"), "stateful");
              node(graph, "normed1").setInput(0, "stateful");
            },
            "node 'stateful/Mul' (Mul): reads input 'past.0.recurrent'"),
        mutilated(
            PLAIN,
            graph -> {
              insert(graph, "final", "Gather", List.of("x2", "one"), "pruned");
              NodeProto.Builder pruned = node(graph, "pruned");
              pruned.addAttribute(attribute("axis", 1L));
              node(graph, "final").setInput(0, "pruned");
            },
            "'logits' is FLOAT[1, 1, 40], supported is one row per token"),
        mutilated(
            PLAIN,
            graph -> {
              insert(graph, "normed1", "Mystery", List.of("x1"), "odd");
              node(graph, "normed1").setInput(0, "odd");
            },
            "node 'odd/Mystery' (Mystery): the shape of 'odd' is neither declared nor known"),
        mutilated(
            PLAIN,
            graph -> {
              insert(graph, "normed1", "CumSum", List.of("x1", "one"), "summed");
              graph.addValueInfo(hidden("summed"));
              node(graph, "normed1").setInput(0, "summed");
            },
            "node 'summed/CumSum' (CumSum): is not known to treat every token by itself"));
  }

  private static Stream<Arguments> whatLayersMayNotPass() {
    return Stream.of(
        mutilated(
            PLAIN,
            graph -> convertResidual(graph, DataType.DOUBLE),
            "'qkv1' is DOUBLE[1, n, 256], supported is FLOAT, FLOAT16 or BFLOAT16"),
        mutilated(
            PLAIN,
            graph -> node(graph, "normed1").setInput(0, "x0"),
            "number 2 of the attention nodes and 'qkv1' lies behind 0 of them"),
        mutilated(
            PLAIN,
            graph -> node(graph, "final").setInput(0, "x1"),
            "output 'logits' lies behind 1 of 2 attention nodes"),
        mutilated(
            PLAIN.withSeparate(TinyModel.Rotation.INSIDE),
            graph -> node(graph, "attention1").setInput(1, "k0"),
            "'k0' lies behind 0 of them"),
        mutilated(
            PLAIN,
            graph -> node(graph, "mixed1").setInput(0, "attention0"),
            "output 'logits' lies behind"),
        mutilated(
            PLAIN,
            graph -> {
              insert(graph, "mixed1", "Add", List.of("attention0", "attention1"), "both");
              node(graph, "mixed1").setInput(0, "both");
            },
            "node 'both/Add' (Add): reads 'attention0' of an attention node"));
  }

  @ParameterizedTest
  @MethodSource("mutilations")
  void isRefusedByName(ModelProto model, List<String> expected, @TempDir Path folder)
      throws IOException {
    Path file = Files.write(folder.resolve("model.onnx"), model.toByteArray());
    assertThatThrownBy(() -> ModelGraph.read(file))
        .isInstanceOf(UnsupportedModelException.class)
        .message()
        .contains(expected)
        .hasLineCount(1);
  }

  private static Arguments model(ModelProto model, String... expected) {
    return Arguments.of(model, List.of(expected));
  }

  private static Arguments mutilated(
      TinyModel tiny, Consumer<GraphProto.Builder> mutilation, String... expected) {
    try {
      Path unused = Path.of("");
      ModelProto.Builder model = tiny.build(unused, 1).toBuilder();
      mutilation.accept(model.getGraphBuilder());
      return model(model.build(), expected);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Arguments core(AttributeProto attribute, String expected) {
    return mutilated(
        PLAIN,
        graph -> {
          NodeProto.Builder node = core(graph);
          List<AttributeProto> others =
              node.getAttributeList().stream()
                  .filter(other -> !other.getName().equals(attribute.getName()))
                  .toList();
          node.clearAttribute().addAllAttribute(others).addAttribute(attribute);
        },
        "node 'attention0/GroupQueryAttention' (com.microsoft.GroupQueryAttention)",
        expected);
  }

  private static Arguments coreInput(int index, String tensor, String expected) {
    return mutilated(
        PLAIN,
        graph -> {
          NodeProto.Builder node = core(graph);
          while (node.getInputCount() <= index) {
            node.addInput("");
          }
          node.setInput(index, tensor);
        },
        "node 'attention0/GroupQueryAttention'",
        expected);
  }

  private static ValueInfoProto hidden(String name) {
    return new GraphBuilder("declaration", 22)
        .input(name, DataType.FLOAT, "batch", "tokens", TinyModel.HIDDEN)
        .build()
        .getGraph()
        .getInput(0);
  }

  private static AttributeProto text(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value))
        .build();
  }

  private static NodeProto.Builder core(GraphProto.Builder graph) {
    return node(graph, "attention0");
  }

  static NodeProto.Builder node(GraphProto.Builder graph, String output) {
    return graph.getNodeBuilder(position(graph, output));
  }

  private static int position(GraphProto.Builder graph, String output) {
    return IntStream.range(0, graph.getNodeCount())
        .filter(i -> graph.getNode(i).getOutput(0).equals(output))
        .findFirst()
        .orElseThrow();
  }

  /** Inserts a node before the one that makes {@code before}. */
  static void insert(
      GraphProto.Builder graph,
      String before,
      String operator,
      List<String> inputs,
      String output) {
    graph.addNode(
        position(graph, before.equals("core") ? "attention0" : before),
        NodeProto.newBuilder()
            .setName(output + "/" + operator)
            .setOpType(operator)
            .addAllInput(inputs)
            .addOutput(output));
  }

  private static void chooseTables(GraphProto.Builder graph) {
    insert(graph, "core", "If", List.of("total"), "chosen_cos");
    node(graph, "chosen_cos").setName("choice").addOutput("chosen_sin");
    core(graph).setInput(7, "chosen_cos").setInput(8, "chosen_sin");
  }

  private static void set(GraphProto.Builder graph, String initializer, int index, float value) {
    TensorProto.Builder tensor =
        graph.getInitializerBuilderList().stream()
            .filter(each -> each.getName().equals(initializer))
            .findFirst()
            .orElseThrow();
    byte[] bytes = tensor.getRawData().toByteArray();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(4 * index, value);
    tensor.setRawData(ByteString.copyFrom(bytes));
  }

  /** Gives the residual stream of the first layer another precision. */
  private static void convertResidual(GraphProto.Builder graph, DataType type) {
    node(graph, "x0").setOutput(0, "gathered");
    cast(graph, "normed0", "gathered", type, "x0");
    cast(graph, "normed0", "x0", DataType.FLOAT, "wide");
    node(graph, "normed0").setInput(0, "wide");
  }

  /** Inserts a conversion before the node that makes {@code before}. */
  static void cast(GraphProto.Builder graph, String before, String from, DataType type, String to) {
    insert(graph, before, "Cast", List.of(from), to);
    node(graph, to).addAttribute(attribute("to", (long) type.getNumber()));
  }

  /** A model whose attention, if any, is written in single operators. */
  private static ModelProto single(boolean cached) {
    GraphBuilder graph = cached ? withoutLayers("input_ids") : embedding("input_ids");
    return graph
        .input("mask", DataType.FLOAT, "tokens", "tokens")
        .node("Transpose", List.of("x"), "transposed", attribute("perm", 0L, 2L, 1L))
        .node("MatMul", List.of("x", "transposed"), "scores")
        .node("Add", List.of("scores", "mask"), "masked")
        .node("Softmax", List.of("masked"), "weights")
        .node("MatMul", List.of("weights", "x"), "mixed")
        .build();
  }

  private static GraphBuilder withoutLayers(String ids) {
    return embedding(ids).input("past", DataType.FLOAT, 1, 2, "past", 8);
  }

  private static GraphBuilder embedding(String ids) {
    return new GraphBuilder("none", 22)
        .input(ids, DataType.INT64, "batch", "tokens")
        .initializer("table", new float[32], 4, 8)
        .node("Gather", List.of("table", ids), "x")
        .output("x", DataType.FLOAT, "batch", "tokens", 8);
  }
}
