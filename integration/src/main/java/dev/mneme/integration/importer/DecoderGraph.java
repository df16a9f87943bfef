package dev.mneme.integration.importer;

import static dev.mneme.attention.onnx.GraphBuilder.MICROSOFT;
import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.common.primitives.Longs;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Writes a decoder-only model as onnxruntime-genai's model builder lays it out for the CPU: the
 * same operators, names of nodes and tensors, inputs and outputs.
 *
 * <p>Two things differ. The embedding is never gathered from the transposed head: ONNX Runtime
 * would keep a second copy of it in memory. In float32 it is a tensor of its own, which is mapped
 * from the data file so that only touched rows are read; in 8 bits it is the head's own bytes under
 * a second name. And a 4-bit weight is {@code scale * (q - 8) + offset} with a real offset for each
 * block, where MatMulNBits alone offers integer zero points: {@code x W} is MatMulNBits of x plus
 * the sums of x over each block times the offsets, two small MatMuls.
 */
final class DecoderGraph {

  static final String MODEL_FILE = "model.onnx";
  static final String DATA_FILE = "model.onnx.data";

  private static final int OPSET = 22;
  private static final String HEAD = "lm_head.MatMul.weight";
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String MASK = "/model/attn_mask_reformat/attn_mask_subgraph/";
  private static final String PAST_LENGTH = MASK + "Sub/Cast/output_0";
  private static final String TOTAL_LENGTH = MASK + "Gather/Cast/output_0";

  /** Ends the names of the rotation's tables for layers that see a window. */
  private static final String WINDOWED = "_local";

  private final DecoderWeights weights;
  private final DecoderShape shape;
  private final ImportOptions options;
  private final GraphBuilder graph;
  private final WeightFile data;

  /** Names of constants that several nodes share. */
  private final Set<String> constants = new HashSet<>();

  private DecoderGraph(
      DecoderWeights weights, ImportOptions options, GraphBuilder graph, WeightFile data) {
    this.weights = weights;
    this.shape = weights.shape();
    this.options = options;
    this.graph = graph;
    this.data = data;
  }

  /** Writes {@link #MODEL_FILE} and {@link #DATA_FILE} into {@code folder}. */
  static void write(
      DecoderWeights weights, ImportOptions options, Path folder, Progress.Task progress)
      throws IOException {
    GraphBuilder graph = new GraphBuilder("main_graph", OPSET);
    try (WeightFile data = new WeightFile(folder.resolve(DATA_FILE), graph, progress)) {
      new DecoderGraph(weights, options, graph, data).addModel();
    }
    try (OutputStream out =
        new BufferedOutputStream(Files.newOutputStream(folder.resolve(MODEL_FILE)))) {
      graph.build().writeTo(out);
    }
  }

  /** Bytes of the data file that {@link #write} makes, without the gaps between tensors. */
  static long dataBytes(DecoderShape shape, boolean ownHead, Precision precision) {
    long hidden = shape.hidden();
    long attention = hidden * (2L * shape.querySize() + 2L * shape.kvSize());
    long projections = shape.layers() * (attention + 3 * hidden * shape.feedForward());
    long table = hidden * shape.vocabulary();
    long vectors = (long) shape.layers() * layerVectors(shape) + hidden;
    int rotations = shape.windows().exist() ? 2 : 1;
    long rotation = (long) rotations * shape.contextLength() * shape.headSize();
    int tables = precision == Precision.FP32 || ownHead ? 2 : 1;
    long sums =
        LongStream.of(hidden, shape.querySize(), shape.feedForward())
            .distinct()
            .map(inputs -> inputs * inputs / BlockQuantizer.BLOCK * Float.BYTES)
            .sum();
    return (vectors + rotation) * Float.BYTES
        + switch (precision) {
          case FP32 -> (projections + tables * table) * Float.BYTES;
          case INT8 -> (projections + tables * table) / 8 * 9;
          case INT4 -> projections / 4 * 3 + tables * table / 8 * 9 + sums;
        };
  }

  /** Weights of a layer that are not in matrices: norms and biases. */
  private static long layerVectors(DecoderShape shape) {
    Architecture architecture = shape.architecture();
    long norms = (architecture.hasOutputNorms() ? 4L : 2L) * shape.hidden();
    long headNorms = architecture.hasHeadNorms() ? 2L * shape.headSize() : 0;
    long biases = architecture.isBiased() ? shape.querySize() + 2L * shape.kvSize() : 0;
    return norms + headNorms + biases;
  }

  private void addModel() throws IOException {
    boolean outputNorms = shape.architecture().hasOutputNorms();
    addInputsAndOutputs();
    addMask();
    addRotation("", shape.ropeBase());
    if (shape.windows().exist()) {
      addRotation(WINDOWED, shape.windows().ropeBase());
    }
    String residual = addEmbedding();
    String added = "";
    for (int layer = 0; layer < shape.layers(); layer++) {
      Normed first =
          addNorm(layer, "input_layernorm", residual, added, weights.attentionNorm(layer));
      String attended = addAttention(layer, first.output());
      if (outputNorms) {
        attended =
            addNorm(
                layer, "post_attention_layernorm", attended, weights.attentionOutputNorm(layer));
      }
      Normed second =
          addNorm(
              layer,
              outputNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm",
              first.residual(),
              attended,
              weights.feedForwardNorm(layer));
      added = addFeedForward(layer, second.output());
      if (outputNorms) {
        added =
            addNorm(
                layer, "post_feedforward_layernorm", added, weights.feedForwardOutputNorm(layer));
      }
      residual = second.residual();
    }
    Normed last =
        addNorm(shape.layers(), "final_norm_layernorm", residual, added, weights.finalNorm());
    addHead(last.output());
  }

  private void addInputsAndOutputs() {
    graph.input("input_ids", DataType.INT64, "batch_size", "sequence_length");
    graph.input("attention_mask", DataType.INT64, "batch_size", "total_sequence_length");
    graph.output("logits", DataType.FLOAT, "batch_size", "sequence_length", shape.vocabulary());
    for (String part : List.of("key", "value")) {
      for (int layer = 0; layer < shape.layers(); layer++) {
        graph.input(
            "past_key_values." + layer + "." + part,
            DataType.FLOAT,
            "batch_size",
            shape.kvHeads(),
            "past_sequence_length",
            shape.headSize());
        graph.output(
            "present." + layer + "." + part,
            DataType.FLOAT,
            "batch_size",
            shape.kvHeads(),
            "total_sequence_length",
            shape.headSize());
      }
    }
  }

  /** The number of tokens in each row, less one, and the length of the rows. */
  private void addMask() {
    String one = "/model/constants/INT64/[1]";
    String scalarOne = "/model/constants/INT64/1";
    AttributeProto toInt32 = attribute("to", DataType.INT32.getNumber());
    graph.initializer(one, new long[] {1}, 1);
    graph.initializer(scalarOne, new long[] {1});
    add(MASK + "ReduceSum", "ReduceSum", List.of("attention_mask", one), attribute("keepdims", 0));
    add(MASK + "Sub", "Sub", List.of(output(MASK + "ReduceSum"), one));
    add(MASK + "Sub/Cast", "Cast", List.of(output(MASK + "Sub")), toInt32);
    add(MASK + "Shape", "Shape", List.of("attention_mask"));
    add(
        MASK + "Gather",
        "Gather",
        List.of(output(MASK + "Shape"), scalarOne),
        attribute("axis", 0));
    add(MASK + "Gather/Cast", "Cast", List.of(output(MASK + "Gather")), toInt32);
  }

  /**
   * The cosines and sines of a rotation.
   *
   * @param suffix of the tables' names
   */
  private void addRotation(String suffix, double base) throws IOException {
    int half = shape.headSize() / 2;
    float[] cos = new float[Math.multiplyExact(shape.contextLength(), half)];
    float[] sin = new float[cos.length];
    for (int i = 0; i < half; i++) {
      // Rounded to float before the product, as the model was trained: at position 8000 the
      // difference is visible.
      float frequency = (float) Math.pow(base, -2.0 * i / shape.headSize());
      for (int position = 0; position < shape.contextLength(); position++) {
        float angle = position * frequency;
        cos[position * half + i] = (float) Math.cos(angle);
        sin[position * half + i] = (float) Math.sin(angle);
      }
    }
    data.floats("cos_cache" + suffix, cos, shape.contextLength(), half);
    data.floats("sin_cache" + suffix, sin, shape.contextLength(), half);
  }

  private String addEmbedding() throws IOException {
    String name = "/model/embed_tokens/";
    String embedded = addLookup(name);
    if (!shape.architecture().scalesEmbeddings()) {
      return embedded;
    }
    String scale = "/model/constants/FLOAT/embedding_scale";
    graph.initializer(scale, new float[] {(float) Math.sqrt(shape.hidden())});
    return add(name + "Mul", "Mul", List.of(embedded, scale));
  }

  private String addLookup(String name) throws IOException {
    if (options.precision() == Precision.FP32) {
      data.rows(EMBEDDING, weights.embedding());
      return add(name + "Gather", "Gather", List.of(EMBEDDING, "input_ids"));
    }
    boolean tied = weights.ownHead().isEmpty();
    String scales = (tied ? HEAD : EMBEDDING) + "_scales";
    data.bytes(tied ? HEAD + "_Q8" : "", EMBEDDING + "_Q8", scales, weights.embedding());
    return addOf(
        MICROSOFT,
        name + "GatherBlockQuantized",
        "GatherBlockQuantized",
        List.of(EMBEDDING + "_Q8", "input_ids", scales),
        attribute("bits", 8),
        attribute("block_size", BlockQuantizer.BLOCK),
        attribute("gather_axis", 0),
        attribute("quantize_axis", 1));
  }

  private void addHead(String input) throws IOException {
    if (options.precision() == Precision.FP32) {
      data.transposed(HEAD, weights.ownHead().orElse(weights.embedding()));
      graph.namedNode("/lm_head/MatMul", "", "MatMul", List.of(input, HEAD), List.of("logits"));
      return;
    }
    if (weights.ownHead().isPresent()) {
      data.bytes(HEAD + "_Q8", "", HEAD + "_scales", weights.ownHead().get());
    }
    addMatMulNBits("/lm_head/MatMul", HEAD, 8, input, "logits", shape.hidden(), shape.vocabulary());
  }

  /** RMS norm of {@code input}. */
  private String addNorm(int layer, String part, String input, float[] scale) throws IOException {
    return addNorm(layer, part, input, "", scale).output();
  }

  /**
   * RMS norm of {@code residual + added}.
   *
   * @param added empty for the first norm, which has nothing to add
   */
  private Normed addNorm(int layer, String part, String residual, String added, float[] scale)
      throws IOException {
    String name = "/model/layers." + layer + "/" + part;
    String weight = "model.layers." + layer + "." + part + ".weight";
    data.floats(weight, scale, scale.length);
    String output = output(name);
    if (added.isEmpty()) {
      addRmsNorm(name + "/LayerNorm", residual, weight, output);
      return new Normed(output, residual);
    }
    boolean last = layer == shape.layers();
    String sum = name + "/output_3";
    graph.namedNode(
        name + "/SkipLayerNorm",
        MICROSOFT,
        "SkipSimplifiedLayerNormalization",
        List.of(residual, added, weight),
        last ? List.of(output) : List.of(output, "", "", sum),
        attribute("epsilon", shape.epsilon()));
    return new Normed(output, sum);
  }

  private String addAttention(int layer, String input) throws IOException {
    String name = "/model/layers." + layer + "/attn";
    String weight = "model.layers." + layer + ".attn.";
    List<String> projected =
        shape.architecture().hasHeadNorms()
            ? addNormedHeads(layer, name, weight, input)
            : List.of(addPacked(layer, name, weight, input), "", "");
    boolean windowed = shape.windows().contain(layer);
    String rotation = windowed ? WINDOWED : "";
    String core = name + "/GroupQueryAttention";
    graph.namedNode(
        core,
        MICROSOFT,
        "GroupQueryAttention",
        List.of(
            projected.get(0),
            projected.get(1),
            projected.get(2),
            "past_key_values." + layer + ".key",
            "past_key_values." + layer + ".value",
            PAST_LENGTH,
            TOTAL_LENGTH,
            "cos_cache" + rotation,
            "sin_cache" + rotation),
        List.of(output(core), "present." + layer + ".key", "present." + layer + ".value"),
        attribute("num_heads", shape.heads()),
        attribute("kv_num_heads", shape.kvHeads()),
        attribute("scale", shape.queryScale()),
        attribute("local_window_size", windowed ? shape.windows().tokens() : -1),
        attribute("softcap", 0f),
        attribute("do_rotary", 1),
        attribute("rotary_interleaved", 0));
    return addProjection(
        name + "/o_proj", weight + "o_proj", weights.attentionOutput(layer), output(core));
  }

  /** Queries, keys and values of each token side by side. */
  private String addPacked(int layer, String name, String weight, String input) throws IOException {
    String packed =
        addProjection(name + "/qkv_proj", weight + "qkv_proj", weights.queryKeyValue(layer), input);
    if (!shape.architecture().isBiased()) {
      return packed;
    }
    float[] values = weights.queryKeyValueBias(layer);
    String bias = weight + "qkv_proj.Add.bias";
    data.floats(bias, values, values.length);
    return add(name + "/qkv_proj/Add/bias", "Add", List.of(packed, bias));
  }

  /** Queries and keys with normed heads, and values. */
  private List<String> addNormedHeads(int layer, String name, String weight, String input)
      throws IOException {
    String query = addProjection(name + "/q_proj", weight + "q_proj", weights.query(layer), input);
    String key = addProjection(name + "/k_proj", weight + "k_proj", weights.key(layer), input);
    String value = addProjection(name + "/v_proj", weight + "v_proj", weights.value(layer), input);
    return List.of(
        addHeadNorm(
            name + "/q_norm", weight + "q_norm", shape.heads(), query, weights.queryNorm(layer)),
        addHeadNorm(
            name + "/k_norm", weight + "k_norm", shape.kvHeads(), key, weights.keyNorm(layer)),
        value);
  }

  /** RMS norm of each head of {@code input}, which is [batch, tokens, heads * size]. */
  private String addHeadNorm(
      String name, String weightPrefix, int heads, String input, float[] scale) throws IOException {
    String weight = weightPrefix + ".layernorm.weight";
    data.floats(weight, scale, scale.length);
    String split = add(name + "/Reshape_1", "Reshape", List.of(input, sizes(heads, scale.length)));
    String normed = output(name + "/SimplifiedLayerNormalization");
    addRmsNorm(name + "/SimplifiedLayerNormalization", split, weight, normed);
    return add(name + "/Reshape_2", "Reshape", List.of(normed, sizes((long) heads * scale.length)));
  }

  private void addRmsNorm(String node, String input, String weight, String output) {
    graph.namedNode(
        node,
        "",
        "SimplifiedLayerNormalization",
        List.of(input, weight),
        List.of(output),
        attribute("epsilon", shape.epsilon()),
        attribute("axis", -1),
        attribute("stash_type", 1));
  }

  /** A constant for Reshape: batch and tokens as they are, and {@code last} after them. */
  private String sizes(long... last) {
    long[] all = Longs.concat(new long[] {0, 0}, last);
    String name = "/model/constants/INT64/" + Arrays.toString(all);
    if (constants.add(name)) {
      graph.initializer(name, all, all.length);
    }
    return name;
  }

  private String addFeedForward(int layer, String input) throws IOException {
    String name = "/model/layers." + layer + "/mlp";
    String weight = "model.layers." + layer + ".mlp.";
    String gate =
        addProjection(name + "/gate_proj", weight + "gate_proj", weights.gate(layer), input);
    String up = addProjection(name + "/up_proj", weight + "up_proj", weights.up(layer), input);
    String product = add(name + "/Mul", "Mul", List.of(addActivation(name + "/act_fn", gate), up));
    return addProjection(name + "/down_proj", weight + "down_proj", weights.down(layer), product);
  }

  private String addActivation(String name, String input) {
    if (shape.architecture().hasGelu()) {
      return addOf(MICROSOFT, name + "/FastGelu", "FastGelu", List.of(input));
    }
    String sigmoid = add(name + "/Sigmoid", "Sigmoid", List.of(input));
    return add(name + "/Mul", "Mul", List.of(input, sigmoid));
  }

  /** A linear layer in the chosen precision; returns its output. */
  private String addProjection(String name, String weightPrefix, WeightMatrix matrix, String input)
      throws IOException {
    String node = name + "/MatMul";
    String weight = weightPrefix + ".MatMul.weight";
    int inputs = matrix.columns();
    int outputs = matrix.rows();
    return switch (options.precision()) {
      case FP32 -> {
        data.transposed(weight, matrix);
        yield add(node, "MatMul", List.of(input, weight));
      }
      case INT8 -> {
        data.bytes(weight + "_Q8", "", weight + "_scales", matrix);
        yield addMatMulNBits(node, weight, 8, input, output(node), inputs, outputs);
      }
      case INT4 -> {
        data.nibbles(weight + "_Q4", weight + "_scales", weight + "_offsets", matrix);
        String scaled = addMatMulNBits(node, weight, 4, input, output(node), inputs, outputs);
        String sums = add(name + "/BlockSums", "MatMul", List.of(input, blockSums(inputs)));
        String shift = add(name + "/Offset", "MatMul", List.of(sums, weight + "_offsets"));
        yield add(name + "/Add", "Add", List.of(scaled, shift));
      }
    };
  }

  /** A matrix [inputs, inputs/32] of ones and zeros that sums each block of its input. */
  private String blockSums(int inputs) throws IOException {
    String name = "block_sums." + inputs;
    if (constants.add(name)) {
      int blocks = inputs / BlockQuantizer.BLOCK;
      float[] ones = new float[inputs * blocks];
      for (int i = 0; i < inputs; i++) {
        ones[i * blocks + i / BlockQuantizer.BLOCK] = 1;
      }
      data.floats(name, ones, inputs, blocks);
    }
    return name;
  }

  private String addMatMulNBits(
      String node, String weight, int bits, String input, String output, int inputs, int outputs) {
    graph.namedNode(
        node + "_Q" + bits,
        MICROSOFT,
        "MatMulNBits",
        List.of(input, weight + "_Q" + bits, weight + "_scales"),
        List.of(output),
        attribute("K", inputs),
        attribute("N", outputs),
        attribute("accuracy_level", options.accuracyLevel()),
        attribute("bits", bits),
        attribute("block_size", BlockQuantizer.BLOCK));
    return output;
  }

  private String add(
      String name, String opType, List<String> inputs, AttributeProto... attributes) {
    return addOf("", name, opType, inputs, attributes);
  }

  private String addOf(
      String domain,
      String name,
      String opType,
      List<String> inputs,
      AttributeProto... attributes) {
    graph.namedNode(name, domain, opType, inputs, List.of(output(name)), attributes);
    return output(name);
  }

  private static String output(String node) {
    return node + "/output_0";
  }

  /** The output of a norm, and the sum that it normed, which the next residual builds upon. */
  private record Normed(String output, String residual) {}
}
