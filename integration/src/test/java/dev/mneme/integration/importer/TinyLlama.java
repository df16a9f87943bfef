package dev.mneme.integration.importer;

import dev.mneme.integration.importer.GgufBytes.Little;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A small random llama model: its GGUF file, and its logits from a plain forward pass over the same
 * weights in the order of the file, with rotation of neighbouring pairs. Nothing of the importer is
 * used here.
 */
final class TinyLlama {

  static final int VOCABULARY = 70;
  static final int CONTEXT = 64;

  private static final int LAYERS = 2;
  private static final int HIDDEN = 64;
  private static final int FEED_FORWARD = 96;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int HEAD_SIZE = 16;
  private static final float ROPE_BASE = 500;
  private static final float EPSILON = 1e-5f;

  private final Random random;
  private final Map<String, float[]> weights = new HashMap<>();
  private final GgufBytes gguf = new GgufBytes();

  /**
   * Makes a model.
   *
   * @param encoding how the projections are stored
   * @param tables how the embedding and the head are stored
   * @param ownHead whether the head has weights of its own
   */
  TinyLlama(long seed, Encoding encoding, Encoding tables, boolean ownHead) {
    random = new Random(seed);
    gguf.text("general.architecture", "llama");
    gguf.number("llama.block_count", LAYERS);
    gguf.number("llama.context_length", CONTEXT);
    gguf.number("llama.embedding_length", HIDDEN);
    gguf.number("llama.feed_forward_length", FEED_FORWARD);
    gguf.number("llama.attention.head_count", HEADS);
    gguf.number("llama.attention.head_count_kv", KV_HEADS);
    gguf.real("llama.rope.freq_base", ROPE_BASE);
    gguf.real("llama.attention.layer_norm_rms_epsilon", EPSILON);
    gguf.text("tokenizer.ggml.model", "gpt2");
    gguf.text("tokenizer.ggml.pre", "smollm");
    gguf.texts(
        "tokenizer.ggml.tokens", IntStream.range(0, VOCABULARY).mapToObj(i -> "t" + i).toList());
    gguf.numbers(
        "tokenizer.ggml.token_type",
        IntStream.range(0, VOCABULARY).map(i -> i == 0 ? 3 : 1).boxed().toList());
    gguf.texts("tokenizer.ggml.merges", List.of());
    gguf.number("tokenizer.ggml.eos_token_id", 0);

    matrix(tables, "token_embd.weight", VOCABULARY, HIDDEN);
    for (int layer = 0; layer < LAYERS; layer++) {
      String block = "blk." + layer + ".";
      norm(block + "attn_norm.weight");
      matrix(encoding, block + "attn_q.weight", HEADS * HEAD_SIZE, HIDDEN);
      matrix(encoding, block + "attn_k.weight", KV_HEADS * HEAD_SIZE, HIDDEN);
      matrix(encoding, block + "attn_v.weight", KV_HEADS * HEAD_SIZE, HIDDEN);
      matrix(encoding, block + "attn_output.weight", HIDDEN, HEADS * HEAD_SIZE);
      norm(block + "ffn_norm.weight");
      matrix(encoding, block + "ffn_gate.weight", FEED_FORWARD, HIDDEN);
      matrix(encoding, block + "ffn_up.weight", FEED_FORWARD, HIDDEN);
      matrix(encoding, block + "ffn_down.weight", HIDDEN, FEED_FORWARD);
    }
    norm("output_norm.weight");
    if (ownHead) {
      matrix(tables, "output.weight", VOCABULARY, HIDDEN);
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
        x[t][i] = table[ids[t] * HIDDEN + i];
      }
    }
    for (int layer = 0; layer < LAYERS; layer++) {
      String block = "blk." + layer + ".";
      double[][] normed = norm(x, block + "attn_norm.weight");
      double[][] q = rotate(linear(normed, block + "attn_q.weight"));
      double[][] k = rotate(linear(normed, block + "attn_k.weight"));
      double[][] v = linear(normed, block + "attn_v.weight");
      add(x, linear(attend(q, k, v), block + "attn_output.weight"));

      normed = norm(x, block + "ffn_norm.weight");
      double[][] gate = linear(normed, block + "ffn_gate.weight");
      double[][] up = linear(normed, block + "ffn_up.weight");
      for (int t = 0; t < count; t++) {
        for (int i = 0; i < FEED_FORWARD; i++) {
          up[t][i] *= gate[t][i] / (1 + Math.exp(-gate[t][i]));
        }
      }
      add(x, linear(up, block + "ffn_down.weight"));
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

  private static double[][] attend(double[][] q, double[][] k, double[][] v) {
    double[][] out = new double[q.length][HEADS * HEAD_SIZE];
    for (int t = 0; t < q.length; t++) {
      for (int head = 0; head < HEADS; head++) {
        int from = head * HEAD_SIZE;
        int kvFrom = head / (HEADS / KV_HEADS) * HEAD_SIZE;
        double total = 0;
        for (int s = 0; s <= t; s++) {
          double score = 0;
          for (int i = 0; i < HEAD_SIZE; i++) {
            score += q[t][from + i] * k[s][kvFrom + i];
          }
          double share = Math.exp(score / Math.sqrt(HEAD_SIZE));
          total += share;
          for (int i = 0; i < HEAD_SIZE; i++) {
            out[t][from + i] += share * v[s][kvFrom + i];
          }
        }
        for (int i = 0; i < HEAD_SIZE; i++) {
          out[t][from + i] /= total;
        }
      }
    }
    return out;
  }

  /** Turns elements 2j and 2j+1 of each head by position * base^(-2j/size). */
  private static double[][] rotate(double[][] x) {
    for (int position = 0; position < x.length; position++) {
      double[] row = x[position];
      for (int i = 0; i < row.length; i += 2) {
        double angle = position * Math.pow(ROPE_BASE, -(double) (i % HEAD_SIZE) / HEAD_SIZE);
        double even = row[i];
        double odd = row[i + 1];
        row[i] = even * Math.cos(angle) - odd * Math.sin(angle);
        row[i + 1] = even * Math.sin(angle) + odd * Math.cos(angle);
      }
    }
    return x;
  }

  private double[][] norm(double[][] x, String name) {
    float[] scale = weight(name);
    double[][] out = new double[x.length][HIDDEN];
    for (int t = 0; t < x.length; t++) {
      double squares = 0;
      for (double value : x[t]) {
        squares += value * value;
      }
      double factor = 1 / Math.sqrt(squares / HIDDEN + EPSILON);
      for (int i = 0; i < HIDDEN; i++) {
        out[t][i] = x[t][i] * factor * scale[i];
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

  private float[] weight(String name) {
    return Objects.requireNonNull(weights.get(name), name);
  }

  private void norm(String name) {
    float[] values = new float[HIDDEN];
    for (int i = 0; i < HIDDEN; i++) {
      values[i] = 0.5f + random.nextFloat();
    }
    weights.put(name, values);
    gguf.floats(name, values, HIDDEN);
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

  /** How 32 random weights are drawn and stored. */
  enum Encoding {
    F32(0),
    F16(1),
    Q4_0(2),
    Q4_1(3),
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

    private static float half(Little data, float value) {
      short bits = Float.floatToFloat16(value);
      data.int16(bits);
      return Float.float16ToFloat(bits);
    }
  }
}
