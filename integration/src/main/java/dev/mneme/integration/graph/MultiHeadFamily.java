package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.List;

/**
 * The operator {@code MultiHeadAttention} of com.microsoft, with its cache as inputs of its own or
 * in front of it, repeated for grouped queries.
 */
final class MultiHeadFamily implements AttentionFamily {

  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int BIAS = 3;
  private static final int PAST_KEY = 6;
  private static final int PAST_VALUE = 7;

  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final ScoredAttention scored;

  MultiHeadFamily(GraphIndex graph, ShapeInference shapes, ScoredAttention scored) {
    this.graph = graph;
    this.shapes = shapes;
    this.scored = scored;
  }

  @Override
  public boolean isCore(NodeProto node) {
    return node.getOpType().equals("MultiHeadAttention")
        && node.getDomain().equals("com.microsoft");
  }

  @Override
  public AttentionLayer read(NodeProto core, int index) throws IOException {
    core.getAttributeList().forEach(attribute -> check(core, attribute.getName()));
    boolean cached = checkInputs(core);
    String query = core.getInput(0);
    int heads = Math.toIntExact(GraphIndex.integer(core, "num_heads", 0));
    TensorShape shape = shapes.shape(query);
    if (heads <= 0 || shape == null || shape.rank() != 3 || shape.last() % heads != 0) {
      throw UnsupportedModelException.at(
          core,
          "its queries '%s' are %s, supported is [1, n, width] for its %d heads"
              .formatted(query, shape, heads));
    }
    double scale = GraphIndex.real(core, "scale", 0);
    return scored.read(
        core,
        index,
        query,
        core.getInput(KEY),
        core.getInput(VALUE),
        core.getOutput(0),
        heads,
        scale == 0 ? 1 / Math.sqrt((double) shape.last() / heads) : scale,
        0,
        cached
            ? List.of(CachePlace.within(core, PAST_KEY, 1), CachePlace.within(core, PAST_VALUE, 2))
            : List.of());
  }

  private static void check(NodeProto node, String attribute) {
    switch (attribute) {
      case "num_heads", "scale", "unidirectional", "mask_filter_value" -> {}
      default ->
          throw UnsupportedModelException.at(
              node, "attribute %s is not supported".formatted(attribute));
    }
  }

  /** Whether the operator has its cache as inputs of its own. */
  private boolean checkInputs(NodeProto node) {
    for (int input : new int[] {KEY, VALUE}) {
      if (GraphIndex.input(node, input).isEmpty()) {
        throw UnsupportedModelException.at(
            node, "its queries, keys and values are packed, supported are three inputs");
      }
    }
    String past = GraphIndex.input(node, PAST_KEY);
    for (int input = BIAS; input < node.getInputCount(); input++) {
      String tensor = node.getInput(input);
      boolean supported =
          switch (input) {
            case BIAS -> tensor.isEmpty();
            case BIAS + 1, BIAS + 2 -> true; // masks, which all say that tokens see those before
            case PAST_KEY, PAST_VALUE -> tensor.isEmpty() || graph.inputs().containsKey(tensor);
            default -> tensor.isEmpty();
          };
      if (!supported || (input == PAST_VALUE && past.isEmpty() != tensor.isEmpty())) {
        throw UnsupportedModelException.at(
            node,
            "input %d is '%s', supported are masks, and past keys and values that are inputs of the graph"
                .formatted(input, tensor));
      }
    }
    return !past.isEmpty();
  }
}
