package dev.mneme.integration.importer;

import com.google.common.base.Ascii;
import dev.mneme.integration.importer.GgufBytes.Little;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A small random decoder-only model: its GGUF file, and its logits from a plain forward pass over
 * the same weights in the order of the file. Nothing of the importer is used here.
 */
final class TinyDecoder {

  static final int VOCABULARY = 70;
  static final int CONTEXT = 64;
  static final int WINDOW = 4;

  private static final int HIDDEN = 64;
  private static final int FEED_FORWARD = 96;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final float ROPE_BASE = 500;
  private static final float WINDOW_ROPE_BASE = 10_000;
  private static final float EPSILON = 1e-5f;

  private final Random random;
  private final Kind kind;
  private final Map<String, float[]> weights = new HashMap<>();
  private final GgufBytes gguf = new GgufBytes();

  /**
   * Makes a model.
   *
   * @param encoding how the projections are stored
   * @param tables how the embedding and the head are stored
   * @param ownHead whether the head has weights of its own
   */
  TinyDecoder(long seed, Kind kind, Encoding encoding, Encoding tables, boolean ownHead) {
    random = new Random(seed);
    this.kind = kind;
    describe();
    matrix(tables, "token_embd.weight", VOCABULARY, HIDDEN);
    for (int layer = 0; layer < kind.layers; layer++) {
      layer("blk." + layer + ".", encoding);
    }
    norm("output_norm.weight", HIDDEN);
    if (ownHead) {
      matrix(tables, "output.weight", VOCABULARY, HIDDEN);
    }
  }

  private void describe() {
    String name = kind.ggufName();
    gguf.text("general.architecture", name);
    gguf.number(name + ".block_count", kind.layers);
    gguf.number(name + ".context_length", CONTEXT);
    gguf.number(name + ".embedding_length", HIDDEN);
    gguf.number(name + ".feed_forward_length", FEED_FORWARD);
    gguf.number(name + ".attention.head_count", HEADS);
    gguf.number(name + ".attention.head_count_kv", KV_HEADS);
    gguf.real(name + ".rope.freq_base", ROPE_BASE);
    gguf.real(name + ".attention.layer_norm_rms_epsilon", EPSILON);
    gguf.texts(
        "tokenizer.ggml.tokens", IntStream.range(0, VOCABULARY).mapToObj(i -> "t" + i).toList());
    gguf.numbers(
        "tokenizer.ggml.token_type",
        IntStream.range(0, VOCABULARY).map(i -> i < 2 ? 3 : 1).boxed().toList());
    gguf.number("tokenizer.ggml.eos_token_id", 0);
    if (kind == Kind.GEMMA3) {
      gguf.number("gemma3.attention.key_length", kind.headSize);
      gguf.number("gemma3.attention.value_length", kind.headSize);
      gguf.number("gemma3.attention.sliding_window", WINDOW);
      gguf.text("tokenizer.ggml.model", "llama");
      gguf.reals("tokenizer.ggml.scores", Collections.nCopies(VOCABULARY, -1f));
      gguf.number("tokenizer.ggml.bos_token_id", 1);
      gguf.flag("tokenizer.ggml.add_space_prefix", false);
    } else {
      gguf.text("tokenizer.ggml.model", "gpt2");
      gguf.text("tokenizer.ggml.pre", kind == Kind.QWEN2 ? "qwen2" : "smollm");
      gguf.texts("tokenizer.ggml.merges", List.of());
    }
  }

  private void layer(String block, Encoding encoding) {
    int query = HEADS * kind.headSize;
    int keyValue = KV_HEADS * kind.headSize;
    norm(block + "attn_norm.weight", HIDDEN);
    matrix(encoding, block + "attn_q.weight", query, HIDDEN);
    matrix(encoding, block + "attn_k.weight", keyValue, HIDDEN);
    matrix(encoding, block + "attn_v.weight", keyValue, HIDDEN);
    matrix(encoding, block + "attn_output.weight", HIDDEN, query);
    norm(block + "ffn_norm.weight", HIDDEN);
    matrix(encoding, block + "ffn_gate.weight", FEED_FORWARD, HIDDEN);
    matrix(encoding, block + "ffn_up.weight", FEED_FORWARD, HIDDEN);
    matrix(encoding, block + "ffn_down.weight", HIDDEN, FEED_FORWARD);
    if (kind == Kind.QWEN2) {
      norm(block + "attn_q.bias", query);
      norm(block + "attn_k.bias", keyValue);
      norm(block + "attn_v.bias", keyValue);
    }
    if (kind == Kind.GEMMA3) {
      norm(block + "attn_q_norm.weight", kind.headSize);
      norm(block + "attn_k_norm.weight", kind.headSize);
      norm(block + "post_attention_norm.weight", HIDDEN);
      norm(block + "post_ffw_norm.weight", HIDDEN);
    }
  }

  /** The file, to be changed or built. */
  GgufBytes gguf() {
    return gguf;
  }

  /** Logits for the token after each of {@code ids}: [tokens][vocabulary]. */
  float[][] logits(int... ids) {
    int count = ids.length;
    double[][] x = new double[count][HIDDEN];
    float[] table = weight("token_embd.weight");
    for (int t = 0; t < count; t++) {
      for (int i = 0; i < HIDDEN; i++) {
        x[t][i] = table[ids[t] * HIDDEN + i] * (kind == Kind.GEMMA3 ? Math.sqrt(HIDDEN) : 1);
      }
    }
    for (int layer = 0; layer < kind.layers; layer++) {
      String block = "blk." + layer + ".";
      add(x, attention(norm(x, block + "attn_norm.weight"), layer, block));
      add(x, feedForward(norm(x, block + "ffn_norm.weight"), block));
    }
    String head = weights.containsKey("output.weight") ? "output.weight" : "token_embd.weight";
    double[][] exact = linear(norm(x, "output_norm.weight"), head);
    float[][] logits = new float[count][VOCABULARY];
    for (int t = 0; t < count; t++) {
      for (int i = 0; i < VOCABULARY; i++) {
        logits[t][i] = (float) exact[t][i];
      }
    }
    return logits;
  }

  private double[][] attention(double[][] normed, int layer, String block) {
    double[][] q = linear(normed, block + "attn_q.weight");
    double[][] k = linear(normed, block + "attn_k.weight");
    double[][] v = linear(normed, block + "attn_v.weight");
    if (kind == Kind.QWEN2) {
      addToEach(q, block + "attn_q.bias");
      addToEach(k, block + "attn_k.bias");
      addToEach(v, block + "attn_v.bias");
    }
    boolean local = kind == Kind.GEMMA3 && layer % 6 < 5;
    if (kind == Kind.GEMMA3) {
      q = norm(q, block + "attn_q_norm.weight");
      k = norm(k, block + "attn_k_norm.weight");
    }
    rotate(q, local ? WINDOW_ROPE_BASE : ROPE_BASE);
    rotate(k, local ? WINDOW_ROPE_BASE : ROPE_BASE);
    double[][] out =
        linear(attend(q, k, v, local ? WINDOW : CONTEXT), block + "attn_output.weight");
    return kind == Kind.GEMMA3 ? norm(out, block + "post_attention_norm.weight") : out;
  }

  private double[][] feedForward(double[][] normed, String block) {
    double[][] gate = linear(normed, block + "ffn_gate.weight");
    double[][] up = linear(normed, block + "ffn_up.weight");
    for (int t = 0; t < up.length; t++) {
      for (int i = 0; i < FEED_FORWARD; i++) {
        up[t][i] *= activation(gate[t][i]);
      }
    }
    double[][] out = linear(up, block + "ffn_down.weight");
    return kind == Kind.GEMMA3 ? norm(out, block + "post_ffw_norm.weight") : out;
  }

  private double activation(double x) {
    return kind == Kind.GEMMA3
        ? x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
        : x / (1 + Math.exp(-x));
  }

  /** Attention over the last {@code window} tokens, the query's own included. */
  private double[][] attend(double[][] q, double[][] k, double[][] v, int window) {
    int size = kind.headSize;
    double[][] out = new double[q.length][HEADS * size];
    for (int t = 0; t < q.length; t++) {
      for (int head = 0; head < HEADS; head++) {
        int from = head * size;
        int kvFrom = head / (HEADS / KV_HEADS) * size;
        double total = 0;
        for (int s = Math.max(0, t - window + 1); s <= t; s++) {
          double score = 0;
          for (int i = 0; i < size; i++) {
            score += q[t][from + i] * k[s][kvFrom + i];
          }
          double share = Math.exp(score / Math.sqrt(size));
          total += share;
          for (int i = 0; i < size; i++) {
            out[t][from + i] += share * v[s][kvFrom + i];
          }
        }
        for (int i = 0; i < size; i++) {
          out[t][from + i] /= total;
        }
      }
    }
    return out;
  }

  /**
   * Turns pair j of each head by position * base^(-2j/size): elements 2j and 2j + 1 in files of
   * llama, j and j + size/2 in the others.
   */
  private void rotate(double[][] x, float base) {
    int size = kind.headSize;
    boolean neighbours = kind == Kind.LLAMA;
    for (int position = 0; position < x.length; position++) {
      double[] row = x[position];
      for (int head = 0; head < row.length; head += size) {
        for (int j = 0; j < size / 2; j++) {
          int first = head + (neighbours ? 2 * j : j);
          int second = neighbours ? first + 1 : first + size / 2;
          double angle = position * Math.pow(base, -2.0 * j / size);
          double a = row[first];
          double b = row[second];
          row[first] = a * Math.cos(angle) - b * Math.sin(angle);
          row[second] = a * Math.sin(angle) + b * Math.cos(angle);
        }
      }
    }
  }

  /** RMS norm of each group of as many elements as the scale has. */
  private double[][] norm(double[][] x, String name) {
    float[] scale = weight(name);
    double[][] out = new double[x.length][x[0].length];
    for (int t = 0; t < x.length; t++) {
      for (int from = 0; from < x[t].length; from += scale.length) {
        double squares = 0;
        for (int i = 0; i < scale.length; i++) {
          squares += x[t][from + i] * x[t][from + i];
        }
        double factor = 1 / Math.sqrt(squares / scale.length + EPSILON);
        for (int i = 0; i < scale.length; i++) {
          out[t][from + i] = x[t][from + i] * factor * scale[i];
        }
      }
    }
    return out;
  }

  private double[][] linear(double[][] x, String name) {
    float[] matrix = weight(name);
    int inputs = x[0].length;
    int outputs = matrix.length / inputs;
    double[][] out = new double[x.length][outputs];
    for (int t = 0; t < x.length; t++) {
      for (int row = 0; row < outputs; row++) {
        for (int i = 0; i < inputs; i++) {
          out[t][row] += x[t][i] * matrix[row * inputs + i];
        }
      }
    }
    return out;
  }

  private static void add(double[][] x, double[][] more) {
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < x[t].length; i++) {
        x[t][i] += more[t][i];
      }
    }
  }

  private void addToEach(double[][] x, String name) {
    float[] bias = weight(name);
    for (double[] row : x) {
      for (int i = 0; i < row.length; i++) {
        row[i] += bias[i];
      }
    }
  }

  private float[] weight(String name) {
    return Objects.requireNonNull(weights.get(name), name);
  }

  /** Scales or biases about 1. */
  private void norm(String name, int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = 0.5f + random.nextFloat();
    }
    weights.put(name, values);
    gguf.floats(name, values, size);
  }

  private void matrix(Encoding encoding, String name, int rows, int columns) {
    float[] values = new float[rows * columns];
    Little data = new Little();
    float spread = 1.5f / (float) Math.sqrt(columns);
    for (int at = 0; at < values.length; at += 32) {
      encoding.write(random, spread, data, values, at);
    }
    weights.put(name, values);
    gguf.tensor(name, encoding.type, data.bytes(), columns, rows);
  }

  /** What is modelled. */
  enum Kind {
    LLAMA(2, 16),
    QWEN2(2, 16),
    /** Its heads are larger than {@code HIDDEN / HEADS}; the sixth layer sees all tokens. */
    GEMMA3(7, 32);

    private final int layers;
    private final int headSize;

    Kind(int layers, int headSize) {
      this.layers = layers;
      this.headSize = headSize;
    }

    int layers() {
      return layers;
    }

    private String ggufName() {
      return Ascii.toLowerCase(name());
    }
  }

  /** How 32 random weights are drawn and stored. */
  enum Encoding {
    F32(0),
    F16(1),
    Q4_0(2),
    Q4_1(3),
    Q5_0(6),
    Q5_1(7),
    Q8_0(8);

    private final int type;

    Encoding(int type) {
      this.type = type;
    }

    private void write(Random random, float spread, Little data, float[] values, int at) {
      switch (this) {
        case F32 -> {
          for (int i = at; i < at + 32; i++) {
            values[i] = spread * (float) random.nextGaussian();
            data.int32(Float.floatToRawIntBits(values[i]));
          }
        }
        case F16 -> {
          for (int i = at; i < at + 32; i++) {
            values[i] = half(data, spread * (float) random.nextGaussian());
          }
        }
        case Q4_0 -> {
          float d = half(data, spread / 6);
          nibbles(random, data, values, at, d, -8 * d);
        }
        case Q4_1 -> {
          float d = half(data, spread / 5);
          float m = half(data, -spread * (1 + random.nextFloat()));
          nibbles(random, data, values, at, d, m);
        }
        case Q5_0 -> {
          float d = half(data, spread / 12);
          fiveBits(random, data, values, at, d, -16 * d);
        }
        case Q5_1 -> {
          float d = half(data, spread / 10);
          float m = half(data, -spread * (1 + random.nextFloat()));
          fiveBits(random, data, values, at, d, m);
        }
        case Q8_0 -> {
          float d = half(data, spread / 100);
          for (int i = 0; i < 32; i++) {
            int q = i == 0 ? -127 : random.nextInt(255) - 127;
            values[at + i] = d * q;
            data.raw((byte) q);
          }
        }
      }
    }

    /** Both 0 and 15 occur in every block, as in files made by quantisation. */
    private static void nibbles(
        Random random, Little data, float[] values, int at, float d, float m) {
      for (int i = 0; i < 16; i++) {
        int low = i == 0 ? 0 : random.nextInt(16);
        int high = i == 0 ? 15 : random.nextInt(16);
        values[at + i] = d * low + m;
        values[at + i + 16] = d * high + m;
        data.raw((byte) (low | high << 4));
      }
    }

    private static void fiveBits(
        Random random, Little data, float[] values, int at, float d, float m) {
      int fifths = random.nextInt();
      data.int32(fifths);
      for (int i = 0; i < 16; i++) {
        int pair = random.nextInt(256);
        values[at + i] = d * (pair % 16 + 16 * (fifths >>> i & 1)) + m;
        values[at + i + 16] = d * (pair / 16 + 16 * (fifths >>> (i + 16) & 1)) + m;
        data.raw((byte) pair);
      }
    }

    private static float half(Little data, float value) {
      short bits = Float.floatToFloat16(value);
      data.int16(bits);
      return Float.float16ToFloat(bits);
    }
  }
}
