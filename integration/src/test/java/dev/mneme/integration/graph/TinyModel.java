package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.MICROSOFT;
import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.common.base.MoreObjects;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Writes small random language models as onnxruntime-genai's builder lays them out. Each {@code
 * with} gives another model, which differs in what it names.
 */
final class TinyModel implements Cloneable {

  static final int VOCABULARY = 40;
  static final int HIDDEN = 48;
  static final int HEADS = 4;
  static final int HEAD_DIM = 32;
  static final int POSITIONS = 64;
  static final double THETA = 10000;
  static final double LOCAL_THETA = 300;
  static final String DATA = "weights.bin";

  /** How queries and keys are rotated. */
  enum Rotation {
    INSIDE,
    MICROSOFT_NODES,
    ONNX_NODES,
    NONE
  }

  static final TinyModel PLAIN = new TinyModel();

  private boolean separate;
  private List<Integer> kvHeads = List.of(2, 2);
  private Rotation rotation = Rotation.INSIDE;
  private boolean interleaved;
  private int rotaryDim = HEAD_DIM;
  private float magnitude = 1;
  private float scale;
  private float softcap;
  private int window;
  private boolean biased;
  private boolean headNorms;
  private boolean tied;
  private boolean parallel;
  private boolean external;

  private TinyModel() {}

  private TinyModel with(Consumer<TinyModel> change) {
    try {
      TinyModel changed = (TinyModel) clone();
      change.accept(changed);
      return changed;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /** Queries, keys and values in three tensors rather than one. */
  TinyModel withSeparate(Rotation changed) {
    return with(model -> {
      model.separate = true;
      model.rotation = changed;
    });
  }

  /** Number of key/value heads of each layer. */
  TinyModel withKvHeads(Integer... changed) {
    return with(model -> model.kvHeads = List.of(changed));
  }

  /** How many elements of a head of {@link #HEAD_DIM} turn, in which pairs, times what. */
  TinyModel withRotary(boolean pairs, int dim, float factor) {
    return with(model -> {
      model.interleaved = pairs;
      model.rotaryDim = dim;
      model.magnitude = factor;
    });
  }

  /** Attributes of the attention; a scale of 0 is left out. */
  TinyModel withScale(float changed, float cap) {
    return with(model -> {
      model.scale = changed;
      model.softcap = cap;
    });
  }

  /** Tokens that the first layer sees, by a rotation of its own as in Gemma 3. */
  TinyModel withWindow(int tokens) {
    return with(model -> model.window = tokens);
  }

  /** Adds to queries, keys and values, as Qwen 2 does. */
  TinyModel withBias() {
    return with(model -> model.biased = true);
  }

  /** Normalises queries and keys head by head, as Qwen 3 and Gemma 3 do; they are separate then. */
  TinyModel withHeadNorms() {
    return with(model -> {
      model.separate = true;
      model.headNorms = true;
    });
  }

  /**
   * Ties the embedding to the transposed head, lets the feed-forward network read what attention
   * reads as in Phi-2, or puts weights into {@code weights.bin}.
   */
  TinyModel withShape(boolean tie, boolean besides, boolean outside) {
    return with(model -> {
      model.tied = tie;
      model.parallel = besides;
      model.external = outside;
    });
  }

  List<Integer> kvHeads() {
    return kvHeads;
  }

  Rotation rotation() {
    return rotation;
  }

  boolean interleaved() {
    return interleaved;
  }

  int rotaryDim() {
    return rotaryDim;
  }

  float magnitude() {
    return magnitude;
  }

  /** The base of a layer's frequencies. */
  double theta(int layer) {
    return window > 0 && layer == 0 ? LOCAL_THETA : THETA;
  }

  @Override
  public String toString() {
    return MoreObjects.toStringHelper(this)
        .omitNullValues()
        .add("separate", separate)
        .add("kvHeads", kvHeads)
        .add("rotation", rotation)
        .add("interleaved", interleaved)
        .add("rotaryDim", rotaryDim)
        .add("magnitude", magnitude)
        .add("scale", scale)
        .add("softcap", softcap)
        .add("window", window)
        .add("biased", biased)
        .add("headNorms", headNorms)
        .add("tied", tied)
        .add("parallel", parallel)
        .add("external", external)
        .toString();
  }

  /** Writes {@code model.onnx}, and its external data if it has some, and returns the file. */
  Path write(Path folder, long seed) throws IOException {
    Path file = folder.resolve("model.onnx");
    Files.write(file, build(folder, seed).toByteArray());
    return file;
  }

  /** Builds the model; writes its external data alone. */
  ModelProto build(Path folder, long seed) throws IOException {
    return new Writer(folder, seed).build();
  }

  private final class Writer {

    private final Random random;
    private final Path data;
    private final GraphBuilder graph;

    Writer(Path folder, long seed) throws IOException {
      random = new Random(seed);
      data = folder.resolve(DATA);
      Files.deleteIfExists(data);
      graph = new GraphBuilder("tiny", rotation == Rotation.ONNX_NODES ? 23 : 22);
    }

    ModelProto build() throws IOException {
      graph.input("input_ids", DataType.INT64, "batch", "tokens");
      graph.input("attention_mask", DataType.INT64, "batch", "total");
      if (rotation == Rotation.MICROSOFT_NODES || rotation == Rotation.ONNX_NODES) {
        graph.input("position_ids", DataType.INT64, "batch", "tokens");
      }
      mask();
      if (rotation != Rotation.NONE) {
        rotaryTables(THETA, "");
      }
      if (window > 0) {
        rotaryTables(LOCAL_THETA, "_local");
      }
      if (tied) {
        graph.node("Transpose", List.of("head"), "embedding", attribute("perm", 1L, 0L));
      } else {
        weight("embedding", 1, VOCABULARY, HIDDEN);
      }
      weight("head", 0.5, HIDDEN, VOCABULARY);
      graph.node("Gather", List.of("embedding", "input_ids"), "x0", attribute("axis", 0L));
      for (int layer = 0; layer < kvHeads.size(); layer++) {
        layer(layer);
      }
      norm("x" + kvHeads.size(), "final");
      graph.node("MatMul", List.of("final", "head"), "logits");
      graph.output("logits", DataType.FLOAT, "batch", "tokens", VOCABULARY);
      return graph.build();
    }

    private void mask() {
      graph.initializer("one", new long[] {1}, 1);
      graph.initializer("axis", new long[] {1});
      graph.node("ReduceSum", List.of("attention_mask", "one"), "count", attribute("keepdims", 0L));
      graph.node("Sub", List.of("count", "one"), "last");
      graph.node("Cast", List.of("last"), "seqlens_k", attribute("to", 6L));
      graph.node("Shape", List.of("attention_mask"), "mask_shape");
      graph.node("Gather", List.of("mask_shape", "axis"), "total_wide", attribute("axis", 0L));
      graph.node("Cast", List.of("total_wide"), "total", attribute("to", 6L));
    }

    private void rotaryTables(double theta, String of) throws IOException {
      int pairs = rotaryDim / 2;
      float[] cos = new float[POSITIONS * pairs];
      float[] sin = new float[POSITIONS * pairs];
      for (int p = 0; p < POSITIONS; p++) {
        for (int j = 0; j < pairs; j++) {
          float angle = p * (float) Math.pow(theta, -2.0 * j / rotaryDim);
          cos[p * pairs + j] = magnitude * (float) Math.cos(angle);
          sin[p * pairs + j] = magnitude * (float) Math.sin(angle);
        }
      }
      initializer("cos_cache" + of, cos, POSITIONS, pairs);
      initializer("sin_cache" + of, sin, POSITIONS, pairs);
    }

    private void layer(int i) throws IOException {
      int kv = kvHeads.get(i);
      norm("x" + i, "normed" + i);
      List<String> inputs = new ArrayList<>(projection(i, kv));
      for (String part : List.of("key", "value")) {
        String past = "past_key_values.%d.%s".formatted(i, part);
        graph.input(past, DataType.FLOAT, "batch", kv, "past", HEAD_DIM);
        graph.output(
            "present.%d.%s".formatted(i, part), DataType.FLOAT, "batch", kv, "total", HEAD_DIM);
        inputs.add(past);
      }
      inputs.addAll(List.of("seqlens_k", "total"));
      List<AttributeProto> attributes =
          new ArrayList<>(
              List.of(
                  attribute("num_heads", HEADS),
                  attribute("kv_num_heads", kv),
                  attribute("local_window_size", i == 0 && window > 0 ? window : -1L),
                  attribute("softcap", softcap)));
      if (scale != 0) {
        attributes.add(attribute("scale", scale));
      }
      if (rotation == Rotation.INSIDE) {
        String of = i == 0 && window > 0 ? "_local" : "";
        inputs.addAll(List.of("cos_cache" + of, "sin_cache" + of));
        attributes.add(attribute("do_rotary", 1L));
        attributes.add(attribute("rotary_interleaved", interleaved ? 1L : 0L));
      }
      graph.node(
          MICROSOFT,
          "GroupQueryAttention",
          inputs,
          List.of("attention" + i, "present.%d.key".formatted(i), "present.%d.value".formatted(i)),
          attributes.toArray(AttributeProto[]::new));
      linear("attention" + i, "mixed" + i, HEADS * HEAD_DIM, HIDDEN);
      if (parallel) {
        feedForward("normed" + i, i);
        graph.node("Add", List.of("x" + i, "mixed" + i), "middle" + i);
      } else {
        weight("scale" + i, 1, HIDDEN);
        graph.node(
            MICROSOFT,
            "SkipSimplifiedLayerNormalization",
            List.of("x" + i, "mixed" + i, "scale" + i),
            List.of("skipped" + i, "", "", "middle" + i),
            attribute("epsilon", 1e-5f));
        feedForward("skipped" + i, i);
      }
      graph.node("Add", List.of("middle" + i, "fed" + i), "x" + (i + 1));
    }

    private List<String> projection(int i, int kv) throws IOException {
      if (!separate) {
        return List.of(projected("qkv" + i, i, HEADS + 2 * kv), "", "");
      }
      String query = normed(projected("q" + i, i, HEADS), HEADS);
      String key = normed(projected("k" + i, i, kv), kv);
      return List.of(rotated(query, HEADS), rotated(key, kv), projected("v" + i, i, kv));
    }

    private String projected(String name, int i, int heads) throws IOException {
      linear("normed" + i, name, HIDDEN, heads * HEAD_DIM);
      if (!biased) {
        return name;
      }
      weight(name + ".bias", 1, heads * HEAD_DIM);
      graph.node("Add", List.of(name, name + ".bias"), name + "_biased");
      return name + "_biased";
    }

    private String normed(String name, int heads) throws IOException {
      if (!headNorms) {
        return name;
      }
      graph.initializer(name + "_split", new long[] {0, 0, heads, HEAD_DIM}, 4);
      graph.initializer(name + "_joined", new long[] {0, 0, (long) heads * HEAD_DIM}, 3);
      graph.node("Reshape", List.of(name, name + "_split"), name + "_heads");
      weight(name + "_norm.weight", 1, HEAD_DIM);
      graph.node(
          "SimplifiedLayerNormalization",
          List.of(name + "_heads", name + "_norm.weight"),
          name + "_normed_heads",
          attribute("axis", -1L),
          attribute("epsilon", 1e-5f));
      graph.node("Reshape", List.of(name + "_normed_heads", name + "_joined"), name + "_normed");
      return name + "_normed";
    }

    private String rotated(String name, int heads) {
      boolean microsoft = rotation == Rotation.MICROSOFT_NODES;
      if (!microsoft && rotation != Rotation.ONNX_NODES) {
        return name;
      }
      graph.node(
          microsoft ? MICROSOFT : "",
          "RotaryEmbedding",
          microsoft
              ? List.of(name, "position_ids", "cos_cache", "sin_cache")
              : List.of(name, "cos_cache", "sin_cache", "position_ids"),
          List.of(name + "_rotated"),
          attribute("interleaved", interleaved ? 1L : 0L),
          attribute("num_heads", heads),
          attribute("rotary_embedding_dim", rotaryDim == HEAD_DIM ? 0L : rotaryDim));
      return name + "_rotated";
    }

    private void feedForward(String from, int i) throws IOException {
      linear(from, "up" + i, HIDDEN, 64);
      graph.node("Sigmoid", List.of("up" + i), "gate" + i);
      graph.node("Mul", List.of("up" + i, "gate" + i), "act" + i);
      linear("act" + i, "fed" + i, 64, HIDDEN);
    }

    private void norm(String from, String to) throws IOException {
      weight(to + ".weight", 1, HIDDEN);
      graph.node(
          "SimplifiedLayerNormalization",
          List.of(from, to + ".weight"),
          to,
          attribute("axis", -1L),
          attribute("epsilon", 1e-5f));
    }

    private void linear(String from, String to, int in, int out) throws IOException {
      weight(to + ".weight", 1 / Math.sqrt(in), in, out);
      graph.node("MatMul", List.of(from, to + ".weight"), to);
    }

    private void weight(String name, double deviation, int... dims) throws IOException {
      int count = 1;
      for (int dim : dims) {
        count *= dim;
      }
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) (random.nextGaussian() * deviation);
      }
      initializer(name, values, dims);
    }

    private void initializer(String name, float[] values, int... dims) throws IOException {
      long[] sizes = Arrays.stream(dims).asLongStream().toArray();
      if (!external) {
        graph.initializer(name, values, sizes);
        return;
      }
      ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      long offset = Files.exists(data) ? Files.size(data) : 0;
      Files.write(data, bytes.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      graph.externalInitializer(name, DataType.FLOAT, DATA, offset, bytes.capacity(), sizes);
    }
  }
}
