package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The way from attention up to the tensor of new queries, keys or values: past layout, repetition
 * for grouped queries, the cache and scalar factors.
 *
 * @param tensor where the way ends
 * @param factor product of the scalars on the way
 * @param cache the cache on the way, whose keys or values come in front of the new ones
 */
record HeadPath(String tensor, double factor, @Nullable CachePlace cache) {

  private static final Set<String> LAYOUT =
      Set.of("Transpose", "Reshape", "Expand", "Unsqueeze", "Squeeze", "Cast", "Identity");

  /** What may stand between the graph's input of a cache and the keys or values behind it. */
  private static final Set<String> CONVERSION = Set.of("Cast", "Identity");

  /** Follows a tensor up. */
  static HeadPath up(GraphIndex graph, ShapeInference shapes, String tensor) throws IOException {
    HeadPath path = new HeadPath(tensor, 1, null);
    while (true) {
      HeadPath next = path.step(graph, shapes);
      if (next.equals(path)) {
        return path;
      }
      path = next;
    }
  }

  private HeadPath step(GraphIndex graph, ShapeInference shapes) throws IOException {
    NodeProto node = graph.producer(tensor);
    if (node == null || graph.isConstant(tensor)) {
      return this;
    }
    if (LAYOUT.contains(node.getOpType())) {
      return new HeadPath(node.getInput(0), factor, cache);
    }
    return switch (node.getOpType()) {
      case "Mul" -> {
        for (int side = 0; side < 2; side++) {
          double scalar = shapes.numbers().scalar(node.getInput(side));
          if (!Double.isNaN(scalar)) {
            yield new HeadPath(node.getInput(1 - side), factor * scalar, cache);
          }
        }
        yield this;
      }
      case "Div" -> {
        double scalar = shapes.numbers().scalar(node.getInput(1));
        yield Double.isNaN(scalar) ? this : new HeadPath(node.getInput(0), factor / scalar, cache);
      }
      case "Concat" -> {
        String past = graph.source(node.getInput(0), CONVERSION);
        yield node.getInputCount() == 2 && graph.inputs().containsKey(past)
            ? new HeadPath(
                node.getInput(1),
                factor,
                new CachePlace(past, node.getOutput(0), (int) GraphIndex.integer(node, "axis", 0)))
            : this;
      }
      default -> this;
    };
  }
}
