package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;

/**
 * A model that is well-formed and that cannot be given a memory.
 *
 * <p>The message is one sentence: which node or tensor, what was found there, what is supported.
 */
public final class UnsupportedModelException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Makes the exception with its whole sentence. */
  public UnsupportedModelException(String message) {
    super(message);
  }

  static UnsupportedModelException at(NodeProto node, String found) {
    return new UnsupportedModelException("node " + describe(node) + ": " + found);
  }

  private static String describe(NodeProto node) {
    String operator =
        node.getDomain().isEmpty() ? node.getOpType() : node.getDomain() + "." + node.getOpType();
    String name =
        node.getName().isEmpty() && node.getOutputCount() > 0 ? node.getOutput(0) : node.getName();
    return "'" + name + "' (" + operator + ")";
  }
}
