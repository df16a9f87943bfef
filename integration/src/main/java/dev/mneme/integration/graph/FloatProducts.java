package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;

/**
 * Lets products with quantised weights take activations as they are, where they would round them to
 * 8 bits for speed: {@code MatMulNBits} does so by the attribute {@code accuracy_level}.
 */
final class FloatProducts {

  private static final String LEVEL = "accuracy_level";
  private static final long FLOAT32 = 1;
  private static final long INT8 = 4;

  private FloatProducts() {}

  /** Whether a product rounds its activations only because of its attribute. */
  static boolean isRounding(NodeProto node) {
    return node.getOpType().equals("MatMulNBits") && GraphIndex.integer(node, LEVEL, 0) == INT8;
  }

  /** The model without such rounding. */
  static ModelProto of(ModelProto model) {
    ModelProto.Builder exact = model.toBuilder();
    for (NodeProto.Builder node : exact.getGraphBuilder().getNodeBuilderList()) {
      if (isRounding(node.build())) {
        List<AttributeProto> others =
            node.getAttributeList().stream()
                .filter(attribute -> !attribute.getName().equals(LEVEL))
                .toList();
        node.clearAttribute().addAllAttribute(others).addAttribute(attribute(LEVEL, FLOAT32));
      }
    }
    return exact.build();
  }
}
