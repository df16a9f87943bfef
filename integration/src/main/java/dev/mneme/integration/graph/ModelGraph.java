package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * A causal language model's graph, read and cut at its attention.
 *
 * <p>Immutable and thread-safe. Holds the graph and its small initializers, none of the weights
 * that lie in external files.
 */
public final class ModelGraph {

  private static final String USUAL_TOKEN_INPUT = "input_ids";
  private static final String USUAL_LOGITS = "logits";

  private final Path onnxFile;
  private final Path folder;
  private final boolean floatProducts;
  private final List<Path> weightFiles;
  private final String tokenInput;
  private final String logits;
  private final int vocabularySize;
  private final int hiddenSize;
  private final List<AttentionLayer> layers;
  private final List<ModelInput> otherInputs;
  private final List<RotaryTensor> rotaryTensors;
  private final List<Segment> segments;

  private ModelGraph(Path onnxFile, Path folder, boolean floatProducts) throws IOException {
    this.onnxFile = onnxFile;
    this.folder = folder;
    this.floatProducts = floatProducts;
    ModelProto exported = parse();
    ExternalData data = new ExternalData(onnxFile, folder);
    LengthChoice choice = LengthChoice.in(exported, data);
    ModelProto model = FloatProducts.ofActivations(choice == null ? exported : choice.made(false));
    for (TensorProto initializer : model.getGraph().getInitializerList()) {
      data.check(initializer);
    }
    weightFiles = List.copyOf(data.files());
    GraphIndex graph = new GraphIndex(model.getGraph(), data);
    ShapeInference shapes = new ShapeInference(graph);
    AttentionForms.checkInputs(graph);
    tokenInput = tokenInput(graph);
    LayerWindows windows = LayerWindows.read(folder);
    AttentionForms forms = new AttentionForms(graph, shapes, data, windows);
    List<AttentionLayer> found = forms.layers();
    otherInputs = forms.inputs().others(tokenInput, found);
    if (choice == null) {
      rotaryTensors = List.copyOf(forms.rotaryTensors());
    } else {
      GraphIndex longer =
          new GraphIndex(FloatProducts.ofActivations(choice.made(true)).getGraph(), data);
      AttentionForms others = new AttentionForms(longer, new ShapeInference(longer), data, windows);
      List<AttentionLayer> same = others.layers();
      found.replaceAll(layer ->
          layer.with(
              layer.projection(),
              layer.output(),
              new RotaryTables(
                  layer.rotary().shorter(),
                  choice.limit(),
                  same.get(layer.index()).rotary().shorter())));
      rotaryTensors = List.copyOf(others.rotaryTensors());
    }
    String output = logits(graph);
    logits = shapes.row(output).name();
    vocabularySize = shapes.row(output).width();
    hiddenSize = hiddenSize(graph, shapes, tokenInput);
    ConstantShapes.fold(graph, shapes);
    GraphCutter cutter = new GraphCutter(model, graph, shapes, tokenInput, output, found);
    segments = cutter.segments();
    layers = found.stream().map(cutter::passed).toList();
  }

  /**
   * Reads a model and cuts it.
   *
   * @param folderOrOnnxFile the ONNX file, or its folder: then the decoder that {@code
   *     genai_config.json} names there, else {@code model.onnx}, else the only {@code .onnx} file
   * @throws IOException if there is no such file, or it or its external data is not whole
   * @throws UnsupportedModelException if the model is whole and cannot be given a memory
   */
  public static ModelGraph read(Path folderOrOnnxFile) throws IOException {
    Path file = ModelFile.locate(folderOrOnnxFile.toAbsolutePath());
    return new ModelGraph(file, file.resolveSibling(""), false);
  }

  private ModelProto parse() throws IOException {
    ModelProto model = ModelFile.parse(onnxFile);
    return floatProducts ? FloatProducts.of(model) : model;
  }

  /**
   * Whether there are products with quantised weights that round their activations to 8 bits and
   * could do without: {@code MatMulNBits} at accuracy level 4.
   */
  public boolean roundsActivations() {
    return segments.stream()
        .flatMap(segment -> segment.model().getGraph().getNodeList().stream())
        .anyMatch(FloatProducts::isRounding);
  }

  /**
   * The same model with those products on activations as they are: slower, and without the noise of
   * rounding.
   *
   * @throws IOException if the file has changed and is not what it was
   */
  public ModelGraph withFloatProducts() throws IOException {
    return new ModelGraph(onnxFile, folder, true);
  }

  /** Files of external weights, each once, in the order of their names. */
  public List<Path> weightFiles() {
    return weightFiles;
  }

  /** The ONNX file, absolute. */
  public Path onnxFile() {
    return onnxFile;
  }

  /** The folder in which the segments' external data is, absolute. */
  public Path folder() {
    return folder;
  }

  /** The attention layers, in order, at least one. */
  public List<AttentionLayer> layers() {
    return layers;
  }

  /** The segments, in order, one more than there are layers. */
  public List<Segment> segments() {
    return segments;
  }

  /** The inputs of the uncut graph that are neither {@link #tokenInput} nor caches of layers. */
  public List<ModelInput> otherInputs() {
    return otherInputs;
  }

  /**
   * The uncut model, without weights as {@link Segment#model()} is. Its inputs are {@link
   * #tokenInput}, {@link #otherInputs} and the {@linkplain AttentionLayer#cache caches}, which may
   * all be empty at first; its outputs are the {@link #logits}, as float32, what the caches become,
   * and what is observed.
   *
   * @param tokens length of the longest text. Tables of rotation reach it: those of the file are
   *     continued. Where they are chosen by the length, those for longer texts are chosen once for
   *     all if this one is longer: keys that are kept cannot change theirs
   * @param observed layers whose attention is an output too, under the name of {@link
   *     AttentionLayer#output()}, as float32
   * @throws IOException if the file has changed and is not what it was
   */
  public ModelProto uncut(int tokens, Collection<AttentionLayer> observed) throws IOException {
    ModelProto exported = parse();
    LengthChoice choice = LengthChoice.in(exported, new ExternalData(onnxFile, folder));
    UncutGraph uncut =
        new UncutGraph(choice != null && tokens > choice.limit() ? choice.made(true) : exported);
    uncut.continueRotation(rotaryTensors, tokens);
    uncut.setOutputs(
        Stream.concat(Stream.of(logits), observed.stream().map(AttentionLayer::output)).toList(),
        layers.stream().flatMap(layer -> layer.cache().tensors().stream()).toList());
    return uncut.build();
  }

  /** Number of logits per token. */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** Elements of a token's embedding. */
  public int hiddenSize() {
    return hiddenSize;
  }

  /** Name of the input of token ids, the only input of segment 0. */
  public String tokenInput() {
    return tokenInput;
  }

  /**
   * Name of the logits, float32 {@code [1, n, vocabularySize]}, the only output of the last
   * segment.
   */
  public String logits() {
    return logits;
  }

  /** Bytes of the keys and values of one token in all layers, as float32. */
  public long bytesPerToken() {
    return layers.stream()
        .mapToLong(layer -> 2L * layer.kvHeads() * layer.headDim() * Float.BYTES)
        .sum();
  }

  /** The input of that name, else the only one by which rows of a constant table are gathered. */
  private static String tokenInput(GraphIndex graph) {
    List<String> candidates =
        graph.inputs().containsKey(USUAL_TOKEN_INPUT)
            ? List.of(USUAL_TOKEN_INPUT)
            : graph.inputs().keySet().stream()
                .filter(input ->
                    graph.consumers(input).stream()
                        .anyMatch(node -> isEmbedding(graph, node, input)))
                .toList();
    if (candidates.size() != 1) {
      throw new UnsupportedModelException(
          "the graph has no single input of token ids (found inputs %s), supported are models that embed their tokens themselves"
              .formatted(String.join(", ", graph.inputs().keySet())));
    }
    String input = candidates.getFirst();
    ValueInfoProto info = graph.inputs().get(input);
    int type = info == null ? 0 : info.getType().getTensorType().getElemType();
    if (info == null
        || type != DataType.INT64_VALUE
        || info.getType().getTensorType().getShape().getDimCount() != 2) {
      throw new UnsupportedModelException(
          "input '%s' is %s of rank %d, supported is INT64[batch, tokens]"
              .formatted(
                  input,
                  DataType.forNumber(type),
                  info == null ? 0 : info.getType().getTensorType().getShape().getDimCount()));
    }
    return input;
  }

  private static boolean isEmbedding(GraphIndex graph, NodeProto node, String input) {
    return node.getOpType().startsWith("Gather")
        && graph.isConstant(node.getInput(0))
        && GraphIndex.input(node, 1).equals(input);
  }

  /** The output of that name, else the only one that is no cache. */
  private static String logits(GraphIndex graph) {
    if (graph.outputs().contains(USUAL_LOGITS)) {
      return USUAL_LOGITS;
    }
    List<String> others =
        graph.outputs().stream().filter(name -> graph.outputRank(name) == 3).toList();
    if (others.size() != 1) {
      throw new UnsupportedModelException(
          "the graph has no single output of logits (found outputs %s)"
              .formatted(String.join(", ", graph.outputs())));
    }
    return others.getFirst();
  }

  private static int hiddenSize(GraphIndex graph, ShapeInference shapes, String tokenInput) {
    return graph.consumers(tokenInput).stream()
        .filter(node -> isEmbedding(graph, node, tokenInput))
        .findFirst()
        .map(node -> shapes.rowWidth(node.getOutput(0)))
        .orElseThrow(() ->
            new UnsupportedModelException(
                "input '%s': no node gathers rows of an embedding by it".formatted(tokenInput)));
  }
}
