package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The constants from which a graph computes angles. */
final class Frequencies {

  private Frequencies() {}

  /**
   * The only list of numbers from which a tensor is computed, or null if there is no single one.
   */
  static float @Nullable [] of(GraphIndex graph, ExternalData data, String angles)
      throws IOException {
    List<TensorProto> lists = lists(graph, angles);
    return lists.size() == 1 ? data.floats(lists.getFirst()) : null;
  }

  /** All lists of numbers from which a tensor is computed. */
  static List<TensorProto> lists(GraphIndex graph, String angles) {
    List<TensorProto> found = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(angles));
    while (!open.isEmpty()) {
      String tensor = open.pop();
      if (tensor.isEmpty() || !seen.add(tensor)) {
        continue;
      }
      TensorProto value = graph.value(tensor);
      if (value != null && isReal(value) && GraphIndex.count(value) > 1) {
        found.add(value);
      }
      NodeProto node = graph.producer(tensor);
      if (node != null && !node.getOpType().equals("Shape")) {
        node.getInputList().forEach(open::push);
      }
    }
    return found;
  }

  /** Whether a tensor has elements of a type that activations have. */
  static boolean isReal(TensorProto value) {
    int type = value.getDataType();
    return type == DataType.FLOAT_VALUE
        || type == DataType.FLOAT16_VALUE
        || type == DataType.BFLOAT16_VALUE;
  }
}
