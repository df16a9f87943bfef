package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/**
 * An input or output of a segment.
 *
 * <p>Shape {@code [1, n, width]} for {@code n} tokens, row-major; token ids are {@code [1, n]} and
 * have width 1.
 *
 * @param name the tensor's name in the original graph
 * @param type element type
 * @param width elements per token, positive
 */
public record TensorSpec(String name, DataType type, int width) {}
