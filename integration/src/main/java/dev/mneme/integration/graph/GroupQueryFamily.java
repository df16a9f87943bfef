package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.mneme.integration.graph.ModelInput.Meaning;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the nodes {@code GroupQueryAttention} of {@code com.microsoft}.
 *
 * <p>Every attribute and input is either understood or refused by name, those of later versions of
 * the operator included. Trailing inputs are often left out by older exporters.
 */
final class GroupQueryFamily implements AttentionFamily {

  private static final int QUERY = 0;
  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int PAST_KEY = 3;
  private static final int PAST_VALUE = 4;
  private static final int LAST_POSITION = 5;
  private static final int TOTAL = 6;
  private static final int POSITIONS = 9;

  /** The operator's inputs by index; those after the positions change the mathematics. */
  private static final List<String> INPUTS =
      List.of(
          "query",
          "key",
          "value",
          "past_key",
          "past_value",
          "seqlens_k",
          "total_sequence_length",
          "cos_cache",
          "sin_cache",
          "position_ids",
          "attention_bias",
          "head_sink",
          "k_scale",
          "v_scale",
          "q_norm_weight",
          "k_norm_weight");

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final RotaryReader rotaries;
  private final InputMeanings inputs;

  GroupQueryFamily(
      GraphIndex graph, ShapeInference shapes, RotaryReader rotaries, InputMeanings inputs) {
    this.graph = graph;
    this.shapes = shapes;
    this.rotaries = rotaries;
    this.inputs = inputs;
  }

  @Override
  public boolean isCore(NodeProto node) {
    return node.getOpType().equals("GroupQueryAttention")
        && node.getDomain().equals("com.microsoft");
  }

  @Override
  public AttentionLayer read(NodeProto node, int index) throws IOException {
    node.getAttributeList().forEach(attribute -> check(node, attribute));
    checkInputs(node);
    int heads = heads(node, "num_heads");
    int kvHeads = heads(node, "kv_num_heads");
    if (heads % kvHeads != 0) {
      throw UnsupportedModelException.at(
          node, "num_heads %d is not a multiple of kv_num_heads %d".formatted(heads, kvHeads));
    }
    RotaryReader.Rotation rotation = rotaries.read(node);
    Projection projection = projection(node, rotation);
    int headDim = headDim(node, projection, heads, kvHeads);
    rotation.check(node, headDim);
    float scale = GraphIndex.real(node, "scale", 0);
    return new AttentionLayer(
        index,
        node.getName(),
        node.getOpType(),
        heads,
        kvHeads,
        headDim,
        scale == 0 ? (float) (1 / Math.sqrt(headDim)) : scale,
        GraphIndex.real(node, "softcap", 0),
        (int) Math.max(0, GraphIndex.integer(node, "local_window_size", -1)),
        projection,
        node.getOutput(0),
        RotaryTables.always(rotation.table()),
        new LayerCache(
            cache(node, PAST_KEY, kvHeads, headDim), cache(node, PAST_VALUE, kvHeads, headDim)));
  }

  /** The cache of keys or of values; the operator writes what it reads behind what is there. */
  private CacheTensor cache(NodeProto node, int past, int kvHeads, int headDim) {
    CachePlace place = CachePlace.within(node, past, past - PAST_KEY + 1);
    return CacheTensor.read(graph, node, place, true, kvHeads, headDim);
  }

  /** Makes a node take a cache of any size, where it would only have one of its window's size. */
  static void keepWholeCache(NodeProto.Builder node) {
    for (int i = node.getAttributeCount() - 1; i >= 0; i--) {
      if (node.getAttribute(i).getName().equals("sliding_window_cache")) {
        node.removeAttribute(i);
      }
    }
  }

  private static void check(NodeProto node, AttributeProto attribute) {
    String supported =
        switch (attribute.getName()) {
          case "num_heads",
              "kv_num_heads",
              "scale",
              "do_rotary",
              "rotary_interleaved",
              "qk_norm_epsilon" ->
              null;
          case "softcap" -> attribute.getF() >= 0 ? null : "at least 0";
          case "local_window_size" ->
              attribute.getI() == -1
                      || (attribute.getI() > 0 && attribute.getI() <= Integer.MAX_VALUE)
                  ? null
                  : "-1 (no window) or at least 1";
          case "smooth_softmax" -> attribute.getI() == 0 || attribute.getI() == -1 ? null : "0";
          case "sliding_window_cache" -> null; // how the cache is kept, which is not used
          case "qk_output", "kv_cache_bit_width" -> attribute.getI() == 0 ? null : "0";
          case "k_quant_type", "v_quant_type" ->
              attribute.getS().isEmpty() || attribute.getS().toStringUtf8().equals("NONE")
                  ? null
                  : "NONE";
          default -> "its absence: the attribute is unknown";
        };
    if (supported != null) {
      throw UnsupportedModelException.at(
          node,
          "%s is %s, supported is %s".formatted(attribute.getName(), value(attribute), supported));
    }
  }

  private static String value(AttributeProto attribute) {
    return switch (attribute.getType()) {
      case INT -> Long.toString(attribute.getI());
      case FLOAT -> Float.toString(attribute.getF());
      case STRING -> attribute.getS().toStringUtf8();
      default -> "of type " + attribute.getType();
    };
  }

  private void checkInputs(NodeProto node) {
    for (int i = 0; i < node.getInputCount(); i++) {
      String tensor = node.getInput(i);
      if (tensor.isEmpty()) {
        continue;
      }
      if (i > POSITIONS) {
        throw UnsupportedModelException.at(
            node,
            "input %s is '%s', supported is its absence"
                .formatted(i < INPUTS.size() ? INPUTS.get(i) : Integer.toString(i), tensor));
      }
      boolean past = INPUTS.get(i).startsWith("past_");
      if (past && !graph.inputs().containsKey(tensor)) {
        throw UnsupportedModelException.at(
            node,
            "%s is '%s', supported is an input of the graph".formatted(INPUTS.get(i), tensor));
      }
    }
    inputs.note(GraphIndex.input(node, LAST_POSITION), Meaning.LAST_POSITION);
    inputs.note(GraphIndex.input(node, TOTAL), Meaning.TOTAL);
    rotaries.readPositions(node, GraphIndex.input(node, POSITIONS));
  }

  private static int heads(NodeProto node, String attribute) {
    long heads = GraphIndex.integer(node, attribute, 0);
    if (heads <= 0 || heads > Short.MAX_VALUE) {
      throw UnsupportedModelException.at(
          node, "%s is %d, it must be positive".formatted(attribute, heads));
    }
    return (int) heads;
  }

  private static Projection projection(NodeProto node, RotaryReader.Rotation rotation) {
    boolean key = !GraphIndex.input(node, KEY).isEmpty();
    boolean value = !GraphIndex.input(node, VALUE).isEmpty();
    if (key != value) {
      throw UnsupportedModelException.at(
          node, "has only one of key and value, supported are both or neither (packed)");
    }
    return key
        ? new Projection.Separate(rotation.query(), rotation.key(), GraphIndex.input(node, VALUE))
        : new Projection.Packed(GraphIndex.input(node, QUERY));
  }

  private int headDim(NodeProto node, Projection projection, int heads, int kvHeads) {
    return switch (projection) {
      case Projection.Packed packed -> headDim(node, packed.qkv(), heads + 2 * kvHeads, null);
      case Projection.Separate separate -> {
        int headDim = headDim(node, separate.query(), heads, null);
        headDim(node, separate.key(), kvHeads, headDim);
        yield headDim(node, separate.value(), kvHeads, headDim);
      }
    };
  }

  private int headDim(NodeProto node, String tensor, int heads, @Nullable Integer expected) {
    int width = shapes.row(tensor).width();
    if (width % heads != 0 || (expected != null && width / heads != expected)) {
      throw UnsupportedModelException.at(
          node,
          "'%s' has %d elements per token, expected %s"
              .formatted(
                  tensor,
                  width,
                  expected == null
                      ? "a multiple of its %d heads".formatted(heads)
                      : "%d heads of %d elements".formatted(heads, expected)));
    }
    return width / heads;
  }
}
