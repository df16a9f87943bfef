package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;

/**
 * Where a graph puts the keys, or values, of the past in front of new ones.
 *
 * @param past what is put in front
 * @param all the result, empty if it has no name
 * @param axis the axis of tokens, which may count from the end
 */
record CachePlace(String past, String all, int axis) {

  /** Axis of tokens of operators that have their cache as inputs and outputs of their own. */
  private static final int OPERATORS_AXIS = 2;

  /**
   * The cache of an operator that has it as an input and an output of its own, {@code [batch,
   * kvHeads, tokens, headDim]}.
   */
  static CachePlace within(NodeProto node, int input, int output) {
    return new CachePlace(
        GraphIndex.input(node, input),
        output < node.getOutputCount() ? node.getOutput(output) : "",
        OPERATORS_AXIS);
  }
}
