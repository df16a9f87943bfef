package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a graph into segments by attention depth.
 *
 * <p>The depth of a tensor is the largest number of attention nodes on a path to it; segment {@code
 * i} computes the tensors of depth {@code i} that the queries, keys and values of layer {@code i},
 * or any later segment, need. Cutting starts at the last segment, so that each segment's outputs
 * are known when its turn comes. What a segment needs of less depth it takes as an input, if that
 * is a row for each token; constants and vectors of sizes are computed again instead. Masks,
 * positions and the cache are read by attention alone, so nothing reaches them and they vanish; a
 * graph in which something else reads them is refused.
 */
final class GraphCutter {

  /** Operators that let tokens see one another, or positions. */
  private static final Set<String> ACROSS_TOKENS =
      Set.of(
          "CausalConvWithState",
          "Conv",
          "ConvTranspose",
          "CumSum",
          "GatedDeltaNet",
          "GemmaRotaryEmbedding",
          "GRU",
          "If",
          "Loop",
          "LSTM",
          "MRotaryEmbedding",
          "Range",
          "RNN",
          "RotaryEmbedding",
          "Scan");

  private final ModelProto model;
  private final GraphIndex graph;
  private final ShapeInference shapes;
  private final String tokenInput;
  private final String logits;
  private final List<AttentionLayer> layers;
  private final Map<String, Integer> depths = new HashMap<>();
  private final Set<String> attentionOutputs = new HashSet<>();

  /**
   * Takes the layers, each of which must depend on the one before it.
   *
   * @param model whose graph {@code graph} is the index of
   */
  GraphCutter(
      ModelProto model,
      GraphIndex graph,
      ShapeInference shapes,
      String tokenInput,
      String logits,
      List<AttentionLayer> layers) {
    this.model = model;
    this.graph = graph;
    this.shapes = shapes;
    this.tokenInput = tokenInput;
    this.logits = logits;
    this.layers = layers;
    Map<String, AttentionLayer> byOutput = new HashMap<>();
    layers.forEach(layer -> byOutput.put(layer.output(), layer));
    for (NodeProto node : graph.nodes()) {
      AttentionLayer layer = byOutput.get(node.getOutput(0));
      int depth =
          layer == null ? depth(node.getInputList()) : depth(layer.projection().tensors()) + 1;
      node.getOutputList().forEach(output -> depths.put(output, depth));
      if (layer != null) {
        attentionOutputs.addAll(node.getOutputList());
        checkDepth(node, layer);
      }
    }
    if (depth(logits) != layers.size()) {
      throw new UnsupportedModelException(
          "output '%s' lies behind %d of %d attention nodes, supported are layers that follow one another"
              .formatted(logits, depth(logits), layers.size()));
    }
  }

  private void checkDepth(NodeProto node, AttentionLayer layer) {
    for (String tensor : layer.projection().tensors()) {
      if (depth(tensor) != layer.index()) {
        throw UnsupportedModelException.at(
            node,
            "is number %d of the attention nodes and '%s' lies behind %d of them, supported are layers that follow one another"
                .formatted(layer.index() + 1, tensor, depth(tensor)));
      }
    }
  }

  private int depth(String tensor) {
    return depths.getOrDefault(tensor, 0);
  }

  private int depth(Collection<String> tensors) {
    return tensors.stream().mapToInt(this::depth).max().orElse(0);
  }

  /** Returns one segment more than there are layers, in order. */
  List<Segment> segments() {
    List<Set<String>> wanted = new ArrayList<>();
    layers.forEach(layer -> wanted.add(new LinkedHashSet<>(layer.projection().tensors())));
    wanted.add(new LinkedHashSet<>(Set.of(logits)));
    Deque<Segment> segments = new ArrayDeque<>();
    for (int i = layers.size(); i >= 0; i--) {
      Cone cone = new Cone(i);
      wanted.get(i).forEach(cone::add);
      cone.carried.forEach(tensor -> wanted.get(depth(tensor)).add(tensor));
      segments.addFirst(segment(cone, wanted.get(i)));
    }
    return List.copyOf(segments);
  }

  private Segment segment(Cone cone, Set<String> wanted) {
    GraphProto.Builder part = GraphProto.newBuilder().setName("segment" + cone.index);
    List<TensorSpec> inputs = new ArrayList<>();
    if (cone.index == 0) {
      inputs.add(new TensorSpec(tokenInput, DataType.INT64, 1));
    } else {
      inputs.add(taken(layers.get(cone.index - 1).output(), part));
      cone.carried.forEach(tensor -> inputs.add(taken(tensor, part)));
    }
    graph.nodes().stream().filter(node -> cone.contains(node)).forEach(part::addNode);
    List<TensorSpec> outputs = wanted.stream().map(tensor -> given(tensor, part)).toList();
    graph.initializers().stream()
        .filter(initializer -> cone.tensors.contains(initializer.getName()))
        .forEach(part::addInitializer);
    inputs.forEach(input -> part.addInput(declaration(input)));
    outputs.forEach(output -> part.addOutput(declaration(output)));
    return new Segment(
        cone.index, model.toBuilder().clearGraph().setGraph(part).build(), inputs, outputs);
  }

  /** An input of a segment, which converts it to the type that its nodes expect. */
  private TensorSpec taken(String tensor, GraphProto.Builder segment) {
    TensorSpec spec = shapes.row(tensor);
    TensorShape shape = shapes.shape(tensor);
    if (shape != null && !spec.name().equals(tensor)) {
      segment.addNode(cast(spec.name(), tensor, shape.type()));
    }
    return spec;
  }

  /** An output of a segment, which converts it from the type that its nodes make. */
  private TensorSpec given(String tensor, GraphProto.Builder segment) {
    TensorSpec spec = shapes.row(tensor);
    if (!spec.name().equals(tensor)) {
      segment.addNode(cast(tensor, spec.name(), spec.type()));
    }
    return spec;
  }

  static NodeProto cast(String from, String to, DataType type) {
    return NodeProto.newBuilder()
        .setOpType("Cast")
        .addInput(from)
        .addOutput(to)
        .addAttribute(attribute("to", type.getNumber()))
        .build();
  }

  /** A layer with the tensors that pass between its segments and it. */
  AttentionLayer passed(AttentionLayer layer) {
    UnaryOperator<String> name = tensor -> shapes.row(tensor).name();
    return layer.with(
        switch (layer.projection()) {
          case Projection.Packed(String qkv) -> new Projection.Packed(name.apply(qkv));
          case Projection.Separate(String query, String key, String value) ->
              new Projection.Separate(name.apply(query), name.apply(key), name.apply(value));
        },
        name.apply(layer.output()),
        layer.rotary());
  }

  private ValueInfoProto declaration(TensorSpec spec) {
    TensorShapeProto.Builder shape =
        TensorShapeProto.newBuilder()
            .addDim(Dimension.newBuilder().setDimValue(1))
            .addDim(Dimension.newBuilder().setDimParam("tokens"));
    if (!spec.name().equals(tokenInput)) {
      shape.addDim(Dimension.newBuilder().setDimValue(spec.width()));
    }
    return ValueInfoProto.newBuilder()
        .setName(spec.name())
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(spec.type().getNumber())
                        .setShape(shape)))
        .build();
  }

  /** What one segment computes: the tensors wanted of it and all that they need. */
  private final class Cone {

    private final int index;
    private final Set<String> tensors = new HashSet<>();
    private final Set<String> carried = new LinkedHashSet<>();

    Cone(int index) {
      this.index = index;
    }

    boolean contains(NodeProto node) {
      return node.getOutputList().stream().anyMatch(tensors::contains);
    }

    void add(String wanted) {
      Deque<Need> open = new ArrayDeque<>();
      open.push(new Need(wanted, null));
      while (!open.isEmpty()) {
        Need need = open.pop();
        String tensor = need.tensor();
        if (isGiven(tensor) || !tensors.add(tensor)) {
          continue;
        }
        NodeProto producer = graph.producer(tensor);
        if (producer == null) {
          checkInput(need);
          continue;
        }
        checkNode(producer, need);
        producer.getInputList().stream()
            .filter(input -> !input.isEmpty())
            .forEach(input -> open.push(new Need(input, producer)));
      }
    }

    /** Whether a tensor is an input of this segment. */
    private boolean isGiven(String tensor) {
      if (index == 0) {
        return tensor.equals(tokenInput);
      }
      if (tensor.equals(layers.get(index - 1).output()) || carried.contains(tensor)) {
        return true;
      }
      if (depth(tensor) == index
          || graph.isConstant(tensor)
          || graph.producer(tensor) == null
          || attentionOutputs.contains(tensor)
          || isSize(tensor)) {
        return false;
      }
      carried.add(tensor);
      return true;
    }

    /** Whether a tensor is made of sizes or indices, not of activations. */
    private boolean isSize(String tensor) {
      TensorShape shape = shapes.shape(tensor);
      return shape != null
          && (shape.type() == DataType.INT64
              || shape.type() == DataType.INT32
              || shape.type() == DataType.BOOL);
    }

    private void checkInput(Need need) {
      if (graph.initializer(need.tensor()) == null) {
        String found =
            need.tensor().equals(tokenInput)
                ? "reads the token ids behind attention layer " + (index - 1)
                : "reads input '" + need.tensor() + "'";
        throw refuse(
            need,
            found
                + ", supported is a graph whose inputs beside the token ids only attention reads");
      }
    }

    private void checkNode(NodeProto node, Need need) {
      if (attentionOutputs.contains(need.tensor())) {
        throw refuse(
            need,
            "reads '%s' of an attention node, supported is its first output, read before the next attention"
                .formatted(need.tensor()));
      }
      if (ACROSS_TOKENS.contains(node.getOpType())) {
        throw UnsupportedModelException.at(
            node,
            "is not known to treat every token by itself, supported between attention nodes are operators that do");
      }
    }

    private UnsupportedModelException refuse(Need need, String found) {
      return need.reader() == null
          ? new UnsupportedModelException("the output of segment " + index + " " + found)
          : UnsupportedModelException.at(need.reader(), found);
    }
  }

  private record Need(String tensor, @Nullable NodeProto reader) {}
}
