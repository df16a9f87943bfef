package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Finds the attention layers of a graph, in whichever of the known forms each is written. */
final class AttentionForms {

  private static final String SUPPORTED =
      "supported are GroupQueryAttention and MultiHeadAttention of com.microsoft, Attention of ONNX, and MatMul, Softmax and MatMul";

  private final GraphIndex graph;
  private final List<AttentionFamily> families;
  private final InputMeanings inputs;
  private final RotaryReader rotaries;

  AttentionForms(GraphIndex graph, ShapeInference shapes, ExternalData data, LayerWindows windows) {
    this.graph = graph;
    inputs = new InputMeanings(graph);
    rotaries = new RotaryReader(graph, shapes, data, inputs);
    ScoredAttention scored = new ScoredAttention(graph, shapes, rotaries, windows);
    families =
        List.of(
            new GroupQueryFamily(graph, shapes, rotaries, inputs),
            new MultiHeadFamily(graph, shapes, scored),
            new OnnxAttentionFamily(shapes, scored),
            new DecomposedFamily(graph, shapes, scored));
  }

  /**
   * Checks that a graph is that of a decoder with a cache.
   *
   * @throws UnsupportedModelException if it is an encoder, or a decoder beside one
   */
  static void checkInputs(GraphIndex graph) {
    for (String input : graph.inputs().keySet()) {
      if (input.startsWith("encoder_")) {
        throw new UnsupportedModelException(
            "input '%s': this is the decoder of an encoder-decoder model, supported are decoder-only models"
                .formatted(input));
      }
    }
    if (graph.inputs().values().stream().noneMatch(AttentionForms::isCache)) {
      throw new UnsupportedModelException(
          "the graph has no past key and value inputs (found inputs %s): it is an encoder such as BERT, or a decoder exported without its cache; %s"
              .formatted(String.join(", ", graph.inputs().keySet()), SUPPORTED));
    }
  }

  /** An attention found and the form it has. */
  private record Found(NodeProto core, AttentionFamily family) {}

  /**
   * Reads the attention layers in the graph's order, at least one.
   *
   * @throws UnsupportedModelException if there is none, or one that is not supported
   */
  List<AttentionLayer> layers() throws IOException {
    List<Found> found = new ArrayList<>();
    for (NodeProto node : graph.nodes()) {
      families.stream()
          .filter(family -> family.isCore(node))
          .findFirst()
          .ifPresent(family -> found.add(new Found(node, family)));
    }
    for (NodeProto node : graph.nodes()) {
      if (isAttention(node) && found.stream().noneMatch(one -> one.core().equals(node))) {
        throw UnsupportedModelException.at(node, "is an attention operator; " + SUPPORTED);
      }
      if (found.isEmpty() && isControlFlow(node)) {
        throw UnsupportedModelException.at(
            node, "holds the attention in a graph of its own; " + SUPPORTED);
      }
    }
    if (found.isEmpty()) {
      throw new UnsupportedModelException("the graph has no attention node; " + SUPPORTED);
    }
    List<AttentionLayer> layers = new ArrayList<>();
    for (Found one : found) {
      layers.add(one.family().read(one.core(), layers.size()));
    }
    return layers;
  }

  /** What the inputs of the graph say, once all layers have been read. */
  InputMeanings inputs() {
    return inputs;
  }

  /** The tables of rotation that are initializers, once all layers have been read. */
  List<RotaryTensor> rotaryTensors() {
    return rotaries.tensors();
  }

  private static boolean isAttention(NodeProto node) {
    return node.getOpType().endsWith("Attention");
  }

  private static boolean isControlFlow(NodeProto node) {
    return Set.of("If", "Loop", "Scan").contains(node.getOpType());
  }

  /** Keys or values of the past: {@code [batch, kvHeads, past, headDim]}. */
  private static boolean isCache(ValueInfoProto input) {
    return input.getType().getTensorType().getShape().getDimCount() == 4;
  }
}
