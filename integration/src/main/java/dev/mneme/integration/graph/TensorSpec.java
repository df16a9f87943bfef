package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/**
 * An input or output of a segment.
 *
 * <p>Shape {@code [1, n, width]} for {@code n} tokens, row-major; token ids are {@code [1, n]} and
 * have width 1.
 *
 * @param name the tensor's name in the original graph, with an ending where it has another type
 *     there
 * @param type element type
 * @param width elements per token, positive
 */
public record TensorSpec(String name, DataType type, int width) {

  private static final String CONVERTED = "/float32";

  /** What a tensor is called once it has been converted to float32. */
  static String converted(String tensor) {
    return tensor + CONVERTED;
  }

  /** What a tensor is called in the original graph. */
  static String original(String name) {
    return name.endsWith(CONVERTED) ? name.substring(0, name.length() - CONVERTED.length()) : name;
  }
}
