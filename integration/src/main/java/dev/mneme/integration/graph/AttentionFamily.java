package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;

/**
 * A form in which exporters write attention. Finds it by structure, never by the names of nodes.
 */
interface AttentionFamily {

  /** Whether a node is the core of an attention of this form, of which there is one a layer. */
  boolean isCore(NodeProto node);

  /**
   * Reads the attention around a core, and adds nodes to the graph where queries, keys or values do
   * not leave it as rows.
   *
   * @param index the layer's index
   * @throws UnsupportedModelException if something in it is not known to be computed right
   */
  AttentionLayer read(NodeProto core, int index) throws IOException;
}
