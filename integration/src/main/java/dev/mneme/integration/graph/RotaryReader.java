package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.mneme.integration.graph.ModelInput.Meaning;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads how queries and keys are rotated: inside the attention node, by nodes {@code
 * RotaryEmbedding} or single operators before it, or not at all.
 *
 * <p>Parameters come from the cosine and sine tables or from what computes them, never from a
 * configuration file: scaling of long-context models is in the tables alone.
 */
final class RotaryReader {

  private static final String OPERATOR = "RotaryEmbedding";

  private final GraphIndex graph;
  private final ExternalData data;
  private final InputMeanings inputs;
  private final RotaryNodes nodes;
  private final Map<Source, RotaryTable> tables = new HashMap<>();
  private final List<RotaryTensor> tensors = new ArrayList<>();

  /**
   * Takes the graph.
   *
   * @param inputs notes where positions come from
   */
  RotaryReader(GraphIndex graph, ShapeInference shapes, ExternalData data, InputMeanings inputs) {
    this.graph = graph;
    this.data = data;
    this.inputs = inputs;
    nodes = new RotaryNodes(graph, shapes, data, inputs);
  }

  /** The tables that were read. */
  List<RotaryTensor> tensors() {
    return tensors;
  }

  /**
   * Reads the rotation before or inside an attention node.
   *
   * @param attention whose inputs 0 and 1 are queries and keys
   */
  Rotation read(NodeProto attention) throws IOException {
    String query = GraphIndex.input(attention, 0);
    String key = GraphIndex.input(attention, 1);
    if (GraphIndex.integer(attention, "do_rotary", 0) != 0) {
      Source source =
          new Source(
              GraphIndex.input(attention, 7),
              GraphIndex.input(attention, 8),
              GraphIndex.integer(attention, "rotary_interleaved", 0) != 0);
      return new Rotation(query, key, table(attention, source), false);
    }
    return before(attention, query, key);
  }

  /** Reads the rotation that makes the queries and keys of an attention. */
  Rotation before(NodeProto attention, String query, String key) throws IOException {
    One queries = one(query);
    One keys = one(key);
    if (queries == null && keys == null) {
      return new Rotation(query, key, RotaryTable.NONE, false);
    }
    if (queries == null || keys == null) {
      throw UnsupportedModelException.at(
          attention, "only one of query and key is rotated, supported are both or neither");
    }
    if (!queries.table().equals(keys.table())) {
      throw UnsupportedModelException.at(
          attention, "its keys are rotated otherwise than its queries");
    }
    return new Rotation(queries.source(), keys.source(), queries.table(), queries.whole());
  }

  /** What makes a tensor by rotation of another; null if nothing does. */
  private @Nullable One one(String tensor) throws IOException {
    NodeProto producer = graph.producer(tensor);
    if (producer == null) {
      return null;
    }
    if (producer.getOpType().equals(OPERATOR)) {
      boolean whole = GraphIndex.integer(producer, "rotary_embedding_dim", 0) == 0;
      return new One(producer.getInput(0), outside(producer), whole);
    }
    RotaryNodes.Rotated rotated = nodes.rotated(tensor);
    return rotated == null ? null : new One(rotated.source(), rotated.table(), false);
  }

  /** One rotated tensor. */
  private record One(String source, RotaryTable table, boolean whole) {}

  /**
   * Reads positions, which have to be those that the caller of the graph gives.
   *
   * @param tensor the positions, empty if left out
   */
  void readPositions(NodeProto node, String tensor) {
    String source = inputs.source(tensor);
    if (!source.isEmpty() && !graph.inputs().containsKey(source)) {
      throw UnsupportedModelException.at(
          node,
          "its positions '%s' are computed in the graph, supported is an input of the graph"
              .formatted(tensor));
    }
    inputs.note(source, Meaning.POSITIONS);
  }

  private RotaryTable outside(NodeProto node) throws IOException {
    boolean microsoft = node.getDomain().equals("com.microsoft");
    node.getAttributeList().forEach(attribute -> check(node, attribute));
    readPositions(node, GraphIndex.input(node, microsoft ? 1 : 3));
    RotaryTable table =
        table(
            node,
            new Source(
                GraphIndex.input(node, microsoft ? 2 : 1),
                GraphIndex.input(node, microsoft ? 3 : 2),
                GraphIndex.integer(node, "interleaved", 0) != 0));
    long dim = GraphIndex.integer(node, "rotary_embedding_dim", 0);
    if (dim != 0 && dim != table.rotaryDim()) {
      throw UnsupportedModelException.at(
          node,
          "rotary_embedding_dim is %d, its tables rotate %d".formatted(dim, table.rotaryDim()));
    }
    return table;
  }

  private static void check(NodeProto node, AttributeProto attribute) {
    boolean known =
        switch (attribute.getName()) {
          case "interleaved", "rotary_embedding_dim", "num_heads" -> true;
          case "is_packed_batching" -> attribute.getI() == 0;
          case "scale" -> attribute.getF() == 1;
          default -> false;
        };
    if (!known) {
      throw UnsupportedModelException.at(
          node,
          "attribute %s is not supported with the value %s"
              .formatted(
                  attribute.getName(),
                  attribute.getType() == AttributeProto.AttributeType.FLOAT
                      ? Float.toString(attribute.getF())
                      : Long.toString(attribute.getI())));
    }
  }

  private RotaryTable table(NodeProto node, Source source) throws IOException {
    RotaryTable known = tables.get(source);
    if (known == null) {
      known = fit(node, source);
      tables.put(source, known);
    }
    return known;
  }

  private RotaryTable fit(NodeProto node, Source source) throws IOException {
    if (!source.cos().isEmpty()
        && graph.producer(source.cos()) != null
        && graph.value(source.cos()) == null) {
      return nodes.table(node, source.cos(), source.sin(), source.interleaved());
    }
    TensorProto cos = initializer(node, "cosines", source.cos());
    TensorProto sin = initializer(node, "sines", source.sin());
    if (cos.getDimsCount() != 2
        || cos.getDims(1) == 0
        || !cos.getDimsList().equals(sin.getDimsList())) {
      throw UnsupportedModelException.at(
          node,
          "its tables '%s' %s and '%s' %s are not both [positions, pairs]"
              .formatted(source.cos(), cos.getDimsList(), source.sin(), sin.getDimsList()));
    }
    try {
      RotaryTable table =
          new RotaryFit(
                  data.floats(cos), data.floats(sin), (int) cos.getDims(1), RotaryFit.rounding(cos))
              .table(source.interleaved());
      tensors.add(new RotaryTensor(source.cos(), table, true));
      tensors.add(new RotaryTensor(source.sin(), table, false));
      return table;
    } catch (RotaryFit.NotARotation e) {
      throw UnsupportedModelException.at(
          node,
          "unknown rotation in '%s' and '%s': %s"
              .formatted(source.cos(), source.sin(), e.getMessage()));
    }
  }

  private TensorProto initializer(NodeProto node, String what, String tensor) {
    TensorProto value = graph.value(tensor);
    if (value == null) {
      NodeProto producer = graph.producer(tensor);
      throw UnsupportedModelException.at(
          node,
          "the %s of its rotation come from %s, supported is an initializer"
              .formatted(
                  what,
                  producer != null
                      ? "node '%s' (%s)".formatted(producer.getName(), producer.getOpType())
                      : tensor.isEmpty() ? "no input" : "input '" + tensor + "'"));
    }
    return value;
  }

  private record Source(String cos, String sin, boolean interleaved) {}

  /**
   * The rotation of one layer.
   *
   * @param query name of the queries before rotation
   * @param key name of the keys before rotation, empty if they are packed with the queries
   * @param whole whether the operator takes the tables' width for the size of a head
   */
  record Rotation(String query, String key, RotaryTable table, boolean whole) {

    void check(NodeProto attention, int headDim) {
      if (table.rotaryDim() > headDim || (whole && table.rotaryDim() != headDim)) {
        throw UnsupportedModelException.at(
            attention,
            "its rotation is for heads of %d elements, found %d"
                .formatted(table.rotaryDim(), headDim));
      }
    }
  }
}
