package dev.mneme.integration.runtime;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Which buffer each tensor between segments lives in. A buffer is used again once the last segment
 * that reads its tensor has run, so a session needs a handful however many layers there are.
 */
final class BoundaryPlan {

  private final Map<String, Integer> buffers = new HashMap<>();
  private final List<Integer> widths = new ArrayList<>();

  /**
   * Plans the float32 tensors of all segments.
   *
   * @param hostTensors name of the tensor that the host writes between segment {@code i} and {@code
   *     i + 1}: the attention's output
   */
  BoundaryPlan(List<Segment> segments, List<TensorSpec> hostTensors) {
    Map<String, Integer> lastUse = new HashMap<>();
    for (Segment segment : segments) {
      for (TensorSpec input : segment.inputs()) {
        lastUse.put(input.name(), segment.index());
      }
    }
    List<Boolean> free = new ArrayList<>();
    for (Segment segment : segments) {
      if (segment.index() == hostTensors.size()) {
        break; // The last segment makes logits, which have a buffer of their own.
      }
      List<TensorSpec> made = new ArrayList<>(segment.outputs());
      made.add(hostTensors.get(segment.index()));
      for (TensorSpec tensor : made) {
        if (tensor.type() == DataType.FLOAT) {
          buffers.put(tensor.name(), take(free, tensor.width()));
          lastUse.putIfAbsent(tensor.name(), segment.index());
        }
      }
      int index = segment.index();
      buffers.forEach((name, buffer) -> {
        if (Objects.equals(lastUse.get(name), index)) {
          free.set(buffer, true);
        }
      });
    }
  }

  private int take(List<Boolean> free, int width) {
    for (int buffer = 0; buffer < free.size(); buffer++) {
      if (free.get(buffer) && widths.get(buffer) == width) {
        free.set(buffer, false);
        return buffer;
      }
    }
    free.add(false);
    widths.add(width);
    return widths.size() - 1;
  }

  /** The buffer of a tensor. */
  int buffer(String tensor) {
    Integer buffer = buffers.get(tensor);
    if (buffer == null) {
      throw new IllegalStateException("no segment makes the tensor " + tensor);
    }
    return buffer;
  }

  /** Floats a token of each buffer. */
  List<Integer> widths() {
    return widths;
  }
}
