package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.List;

/** The operator {@code Attention} of ONNX itself, from operator set 23 on. */
final class OnnxAttentionFamily implements AttentionFamily {

  private final ShapeInference shapes;
  private final ScoredAttention scored;

  OnnxAttentionFamily(ShapeInference shapes, ScoredAttention scored) {
    this.shapes = shapes;
    this.scored = scored;
  }

  @Override
  public boolean isCore(NodeProto node) {
    return node.getOpType().equals("Attention") && node.getDomain().isEmpty();
  }

  @Override
  public AttentionLayer read(NodeProto core, int index) throws IOException {
    core.getAttributeList().forEach(attribute -> check(core, attribute));
    for (int input = 4; input < core.getInputCount(); input++) {
      if (!core.getInput(input).isEmpty()) {
        throw UnsupportedModelException.at(
            core,
            "input %d is '%s', supported is a cache in front of the operator"
                .formatted(input, core.getInput(input)));
      }
    }
    String query = core.getInput(0);
    int heads = (int) GraphIndex.integer(core, "q_num_heads", 0);
    TensorShape shape = shapes.shape(query);
    double scale = GraphIndex.real(core, "scale", 0);
    if (scale == 0) {
      if (shape == null || shape.last() <= 0) {
        throw UnsupportedModelException.at(
            core, "the shape of its queries '%s' is not known".formatted(query));
      }
      scale = 1 / Math.sqrt(heads > 0 ? (double) shape.last() / heads : shape.last());
    }
    return scored.read(
        core,
        index,
        query,
        core.getInput(1),
        core.getInput(2),
        core.getOutput(0),
        heads,
        scale,
        GraphIndex.real(core, "softcap", 0),
        List.of());
  }

  private static void check(NodeProto node, AttributeProto attribute) {
    boolean known =
        switch (attribute.getName()) {
          case "is_causal", "q_num_heads", "kv_num_heads", "scale", "softmax_precision" -> true;
          case "softcap" -> attribute.getF() >= 0;
          case "qk_matmul_output_mode" -> attribute.getI() == 0;
          default -> false;
        };
    if (!known) {
      throw UnsupportedModelException.at(
          node, "attribute %s is not supported with its value".formatted(attribute.getName()));
    }
  }
}
