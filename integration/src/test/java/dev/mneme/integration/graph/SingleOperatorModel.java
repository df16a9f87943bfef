package dev.mneme.integration.graph;

import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * Writes small random language models as torch.onnx and Optimum lay them out: rotation, cache,
 * repetition of keys and a mask in single operators, whose reshapes take sizes from the graph's
 * inputs.
 *
 * @param kvHeads key/value heads of each layer
 * @param rotaryDim rotated elements of a head, 0 for a model without positions
 * @param magnitude factor of cosines and sines
 * @param softcap bound of the scores, 0 for none
 * @param splitScale whether queries and keys are multiplied by the root of the scale each, as
 *     Optimum does, and not their product
 * @param form what attention is written as
 * @param validity whether rows that a mask excludes are set to zero behind the attention
 * @param turning what rotation is written as
 */
record SingleOperatorModel(
    int kvHeads,
    int rotaryDim,
    float magnitude,
    float softcap,
    boolean splitScale,
    Form form,
    boolean validity,
    Turning turning) {

  /** A model that rotates the halves of a head. */
  SingleOperatorModel(
      int kvHeads,
      int rotaryDim,
      float magnitude,
      float softcap,
      boolean splitScale,
      Form form,
      boolean validity) {
    this(kvHeads, rotaryDim, magnitude, softcap, splitScale, form, validity, Turning.HALVES);
  }

  /** Rotation in front of the attention. */
  enum Turning {
    /** The negated second half in front of the first, as in Llama. */
    HALVES,
    /** The same with a column of angles for each token, as ONNX Runtime's optimizer leaves it. */
    HALVES_BY_COLUMN,
    /** Every second element, negated, in front of the one before it, as in GPT-J and Cohere. */
    STRIDED,
    /** Pairs as complex numbers: their parts are turned and put together again, as in Llama 2's. */
    COMPLEX,
    /** Neighbours exchanged by index and by signs, and rows of a table, as in GPT-J. */
    TABLE;

    boolean interleaved() {
      return this != HALVES && this != HALVES_BY_COLUMN;
    }
  }

  /** The same model with rotation written in another way. */
  SingleOperatorModel turning(Turning changed) {
    return new SingleOperatorModel(
        kvHeads, rotaryDim, magnitude, softcap, splitScale, form, validity, changed);
  }

  /** Attention behind rotation and in front of the rows. */
  enum Form {
    MATMUL,
    ONNX,
    /** {@code MultiHeadAttention} with keys and values that were repeated behind the cache. */
    MULTI_HEAD,
    /** The same with the cache as its own inputs, as many keys as queries. */
    MULTI_HEAD_CACHED
  }

  private static final int LAYERS = 2;
  private static final int HEADS = TinyModel.HEADS;
  private static final int HEAD_DIM = TinyModel.HEAD_DIM;
  private static final int HIDDEN = TinyModel.HIDDEN;

  /** Writes {@code model.onnx}, weights and all. */
  Path write(Path folder, long seed) throws IOException {
    return Files.write(folder.resolve("model.onnx"), build(seed).toByteArray());
  }

  ModelProto build(long seed) {
    return new Writer(seed).build();
  }

  private final class Writer {

    private final Random random;
    private final GraphBuilder graph = new GraphBuilder("single", form == Form.ONNX ? 23 : 18);

    Writer(long seed) {
      random = new Random(seed);
    }

    ModelProto build() {
      graph.input("input_ids", DataType.INT64, "batch", "tokens");
      graph.input("attention_mask", DataType.INT64, "batch", "total");
      graph.input("position_ids", DataType.INT64, "batch", "tokens");
      for (int layer = 0; layer < LAYERS; layer++) {
        for (String part : List.of("key", "value")) {
          graph.input(past(layer, part), DataType.FLOAT, "batch", kvHeads, "past", HEAD_DIM);
          graph.output(present(layer, part), DataType.FLOAT, "batch", kvHeads, "total", HEAD_DIM);
        }
      }
      constants();
      sizes();
      mask();
      if (rotaryDim > 0) {
        angles();
      }
      weight("embedding", 1, TinyModel.VOCABULARY, HIDDEN);
      graph.node("Gather", List.of("embedding", "input_ids"), "x0", attribute("axis", 0L));
      for (int layer = 0; layer < LAYERS; layer++) {
        layer(layer);
      }
      weight("head", 0.5, HIDDEN, TinyModel.VOCABULARY);
      graph.node("MatMul", List.of("x" + LAYERS, "head"), "logits");
      graph.output("logits", DataType.FLOAT, "batch", "tokens", TinyModel.VOCABULARY);
      return graph.build();
    }

    private static String past(int layer, String part) {
      return "past_key_values.%d.%s".formatted(layer, part);
    }

    private static String present(int layer, String part) {
      return "present.%d.%s".formatted(layer, part);
    }

    private void constants() {
      for (int axis = 0; axis < 4; axis++) {
        graph.initializer("at" + axis, new long[] {axis}, 1);
      }
      graph.initializer("last_of_pairs", new long[] {4}, 1);
      graph.initializer("zero", new long[] {0});
      graph.initializer("one", new long[] {1});
      graph.initializer("rest", new long[] {-1}, 1);
      graph.initializer("to the end", new long[] {Long.MAX_VALUE}, 1);
      graph.initializer("heads", new long[] {HEADS}, 1);
      graph.initializer("kv", new long[] {kvHeads}, 1);
      graph.initializer("group", new long[] {HEADS / kvHeads}, 1);
      graph.initializer("dim", new long[] {HEAD_DIM}, 1);
      graph.initializer("nothing", new float[] {0});
      graph.initializer("excluded", new float[] {Float.NEGATIVE_INFINITY});
      graph.initializer("softcap", new float[] {softcap});
    }

    /** Batch from a cache of another layer, tokens from the ids: as exporters find them. */
    private void sizes() {
      graph.node("Shape", List.of(past(1, "value")), "cache_shape");
      graph.node("Slice", List.of("cache_shape", "at0", "at1"), "batch");
      graph.node("Gather", List.of("cache_shape", "at2"), "past");
      graph.node(
          "Shape", List.of("input_ids"), "tokens", attribute("start", 1L), attribute("end", 2L));
      graph.node("Add", List.of("past", "tokens"), "total");
      for (String heads : List.of("heads", "kv")) {
        graph.node(
            "Concat",
            List.of("batch", "tokens", heads, "dim"),
            heads + "_shape",
            attribute("axis", 0L));
      }
      graph.node(
          "Concat",
          List.of("batch", "kv", "group", "total", "dim"),
          "expanded_shape",
          attribute("axis", 0L));
      graph.node(
          "Concat",
          List.of("batch", "heads", "total", "dim"),
          "repeated_shape",
          attribute("axis", 0L));
      graph.node("Concat", List.of("batch", "tokens", "rest"), "rows_shape", attribute("axis", 0L));
      graph.initializer("width", new long[] {HEADS * HEAD_DIM}, 1);
      graph.node("Concat", List.of("batch", "rest", "width"), "rows_of_any", attribute("axis", 0L));
    }

    private void mask() {
      graph.node("Squeeze", List.of("past"), "past_scalar");
      graph.node("Squeeze", List.of("total"), "total_scalar");
      graph.node("Range", List.of("past_scalar", "total_scalar", "one"), "rows");
      graph.node("Range", List.of("zero", "total_scalar", "one"), "columns");
      graph.node("Unsqueeze", List.of("rows", "at1"), "rows_down");
      graph.node("LessOrEqual", List.of("columns", "rows_down"), "causal");
      graph.node("Where", List.of("causal", "nothing", "excluded"), "causal_bias");
      graph.initializer("two leading", new long[] {0, 1}, 2);
      graph.node("Unsqueeze", List.of("causal_bias", "two leading"), "mask");
      graph.node("Unsqueeze", List.of("rows", "two leading"), "row_numbers");
      graph.node("Transpose", List.of("row_numbers"), "r", attribute("perm", 0L, 2L, 1L));
      graph.node("Less", List.of("r", "zero"), "invalid");
    }

    private void angles() {
      int pairs = rotaryDim / 2;
      float[] frequencies = new float[pairs];
      for (int i = 0; i < pairs; i++) {
        frequencies[i] = (float) Math.pow(TinyModel.THETA, -2.0 * i / rotaryDim);
      }
      graph.initializer("half", new long[] {pairs}, 1);
      graph.initializer("rotated", new long[] {rotaryDim}, 1);
      graph.initializer("turning_shape", new long[] {0, 0, 0, rotaryDim}, 4);
      graph.initializer("pairs_shape", new long[] {0, 0, 0, pairs, 2}, 5);
      graph.initializer("magnitude", new float[] {magnitude});
      graph.initializer("twice", new long[] {1, 1, 1, 2}, 4);
      graph.initializer("flat_angles", new long[] {0, 0, rotaryDim}, 3);
      graph.node("Unsqueeze", List.of("position_ids", "at2"), "positions");
      if (turning == Turning.TABLE) {
        rows(frequencies);
      } else if (turning == Turning.HALVES_BY_COLUMN) {
        graph.initializer("inverse_frequencies", frequencies, 1, pairs, 1);
        graph.node("Unsqueeze", List.of("position_ids", "at1"), "positions_in_a_row");
        graph.node("Cast", List.of("positions_in_a_row"), "real_positions", attribute("to", 1L));
        graph.node("MatMul", List.of("inverse_frequencies", "real_positions"), "angles");
        graph.node("Concat", List.of("angles", "angles"), "angle_columns", attribute("axis", 1L));
        graph.node(
            "Transpose", List.of("angle_columns"), "all_angles", attribute("perm", 0L, 2L, 1L));
        for (String wave : List.of("Cos", "Sin")) {
          graph.node(wave, List.of("all_angles"), wave + "_plain");
        }
      } else {
        graph.initializer("inverse_frequencies", frequencies, 1, 1, pairs);
        graph.node("Cast", List.of("positions"), "real_positions", attribute("to", 1L));
        graph.node("MatMul", List.of("real_positions", "inverse_frequencies"), "angles");
        for (String wave : List.of("Cos", "Sin")) {
          graph.node(wave, List.of(repeatedAngles(wave)), wave + "_plain");
        }
      }
      for (String wave : List.of("Cos", "Sin")) {
        graph.node("Mul", List.of(wave + "_plain", "magnitude"), wave + "_scaled");
        graph.node("Unsqueeze", List.of(wave + "_scaled", "at1"), wave);
      }
    }

    /** An angle for each element that turns, or for each pair. */
    private String repeatedAngles(String wave) {
      String all = "angles_" + wave;
      switch (turning) {
        case HALVES ->
            graph.node("Concat", List.of("angles", "angles"), all, attribute("axis", -1L));
        case STRIDED -> {
          graph.node("Unsqueeze", List.of("angles", "at3"), all + "_apart");
          graph.node("Tile", List.of(all + "_apart", "twice"), all + "_twice");
          graph.node("Reshape", List.of(all + "_twice", "flat_angles"), all);
        }
        default -> graph.node("Identity", List.of("angles"), all);
      }
      return all;
    }

    /** Rows of sines and cosines by position, each element twice. */
    private void rows(float[] frequencies) {
      float[] table = new float[TinyModel.POSITIONS * rotaryDim];
      long[] exchange = new long[rotaryDim];
      long[] twice = new long[rotaryDim];
      float[] signs = new float[rotaryDim];
      for (int i = 0; i < table.length; i++) {
        int position = i / rotaryDim;
        float angle = position * frequencies[i % frequencies.length];
        boolean sine = i % rotaryDim < frequencies.length;
        table[i] = (float) (sine ? Math.sin(angle) : Math.cos(angle));
      }
      for (int i = 0; i < rotaryDim; i++) {
        exchange[i] = i ^ 1;
        twice[i] = i / 2;
        signs[i] = i % 2 == 0 ? -1 : 1;
      }
      graph.initializer("table", table, 1, TinyModel.POSITIONS, rotaryDim);
      graph.initializer("exchange", exchange, rotaryDim);
      graph.initializer("each_twice", twice, rotaryDim);
      graph.initializer("signs", signs, rotaryDim);
      graph.initializer("row_repeats", new long[] {1, 1, rotaryDim}, 3);
      graph.node("Tile", List.of("positions", "row_repeats"), "row_indices");
      graph.node("GatherElements", List.of("table", "row_indices"), "row", attribute("axis", 1L));
      graph.node(
          "",
          "Split",
          List.of("row"),
          List.of("Sin_once", "Cos_once"),
          attribute("axis", -1L),
          attribute("num_outputs", 2L));
      for (String wave : List.of("Cos", "Sin")) {
        graph.node(
            "Gather",
            List.of(wave + "_once", "each_twice"),
            wave + "_plain",
            attribute("axis", 2L));
      }
    }

    private void layer(int i) {
      String query = rotated(heads("q" + i, i, HEADS, "heads_shape"));
      String key = rotated(heads("k" + i, i, kvHeads, "kv_shape"));
      String value = heads("v" + i, i, kvHeads, "kv_shape");
      switch (form) {
        case MATMUL, ONNX -> {
          String output = attention(i, query, repeated(i, "key", key), repeated(i, "value", value));
          graph.node(
              "Transpose", List.of(output), "by_token" + i, attribute("perm", 0L, 2L, 1L, 3L));
          graph.node("Reshape", List.of("by_token" + i, "rows_shape"), "attended" + i);
        }
        case MULTI_HEAD ->
            multiHead(
                List.of(
                    rows(query),
                    rows(repeated(i, "key", key)),
                    rows(repeated(i, "value", value)),
                    "",
                    "",
                    "mask"),
                List.of("attended" + i));
        case MULTI_HEAD_CACHED ->
            multiHead(
                List.of(
                    rows(query),
                    rows(key),
                    rows(value),
                    "",
                    "",
                    "mask",
                    past(i, "key"),
                    past(i, "value")),
                List.of("attended" + i, present(i, "key"), present(i, "value")));
      }
      String attended = "attended" + i;
      if (validity) {
        graph.node("Where", List.of("invalid", "nothing", attended), "valid" + i);
        attended = "valid" + i;
      }
      linear(attended, "mixed" + i, HEADS * HEAD_DIM, HIDDEN);
      graph.node("Add", List.of("x" + i, "mixed" + i), "middle" + i);
      linear("middle" + i, "up" + i, HIDDEN, HIDDEN);
      graph.node("Tanh", List.of("up" + i), "act" + i);
      graph.node("Add", List.of("middle" + i, "act" + i), "x" + (i + 1));
    }

    private void multiHead(List<String> inputs, List<String> outputs) {
      graph.node(
          GraphBuilder.MICROSOFT,
          "MultiHeadAttention",
          inputs,
          outputs,
          attribute("num_heads", HEADS),
          attribute("scale", 0.2f));
    }

    private String rows(String heads) {
      graph.node(
          "Transpose", List.of(heads), heads + "_by_token", attribute("perm", 0L, 2L, 1L, 3L));
      graph.node("Reshape", List.of(heads + "_by_token", "rows_of_any"), heads + "_rows");
      return heads + "_rows";
    }

    private String heads(String name, int layer, int heads, String shape) {
      linear("x" + layer, name, HIDDEN, heads * HEAD_DIM);
      graph.node("Reshape", List.of(name, shape), name + "_split");
      graph.node(
          "Transpose",
          List.of(name + "_split"),
          name + "_heads",
          attribute("perm", 0L, 2L, 1L, 3L));
      return name + "_heads";
    }

    private String rotated(String heads) {
      if (rotaryDim == 0) {
        return heads;
      }
      String part = heads;
      if (rotaryDim < HEAD_DIM) {
        part = heads + "_turning";
        graph.node("Slice", List.of(heads, "at0", "rotated", "at3"), part);
        graph.node("Slice", List.of(heads, "rotated", "to the end", "at3"), heads + "_still");
      }
      turned(part, heads);
      if (rotaryDim == HEAD_DIM) {
        return heads + "_rotated";
      }
      graph.node(
          "Concat",
          List.of(heads + "_rotated", heads + "_still"),
          heads + "_whole",
          attribute("axis", -1L));
      return heads + "_whole";
    }

    /** Rotates what turns of the heads, which it names after them. */
    private void turned(String part, String heads) {
      if (turning == Turning.COMPLEX) {
        complex(part, heads);
        return;
      }
      String other = heads + "_other";
      switch (turning) {
        case HALVES, HALVES_BY_COLUMN -> {
          graph.node("Slice", List.of(part, "at0", "half", "at3"), heads + "_first");
          graph.node("Slice", List.of(part, "half", "to the end", "at3"), heads + "_second");
          graph.node("Neg", List.of(heads + "_second"), heads + "_negated");
          graph.node(
              "Concat",
              List.of(heads + "_negated", heads + "_first"),
              other,
              attribute("axis", -1L));
        }
        case STRIDED -> {
          graph.node("Slice", List.of(part, "at0", "to the end", "at3", "at2"), heads + "_even");
          graph.node("Slice", List.of(part, "at1", "to the end", "at3", "at2"), heads + "_odd");
          graph.node("Neg", List.of(heads + "_odd"), heads + "_negated");
          joined(heads + "_negated", heads + "_even", other);
        }
        default -> {
          graph.node(
              "Gather", List.of(part, "exchange"), heads + "_exchanged", attribute("axis", 3L));
          graph.node("Mul", List.of(heads + "_exchanged", "signs"), other);
        }
      }
      graph.node("Mul", List.of(part, "Cos"), heads + "_by_cos");
      graph.node("Mul", List.of(other, "Sin"), heads + "_by_sin");
      graph.node("Add", List.of(heads + "_by_cos", heads + "_by_sin"), heads + "_rotated");
    }

    private void complex(String part, String heads) {
      graph.node("Reshape", List.of(part, "pairs_shape"), heads + "_pairs");
      graph.node(
          "",
          "Split",
          List.of(heads + "_pairs"),
          List.of(heads + "_real_part", heads + "_imaginary_part"),
          attribute("axis", -1L),
          attribute("num_outputs", 2L));
      for (String of : List.of("_real", "_imaginary")) {
        graph.node("Squeeze", List.of(heads + of + "_part", "last_of_pairs"), heads + of);
        for (String wave : List.of("Cos", "Sin")) {
          graph.node("Mul", List.of(heads + of, wave), heads + of + wave);
        }
      }
      graph.node(
          "Sub", List.of(heads + "_realCos", heads + "_imaginarySin"), heads + "_real_turned");
      graph.node(
          "Add", List.of(heads + "_realSin", heads + "_imaginaryCos"), heads + "_imaginary_turned");
      joined(heads + "_real_turned", heads + "_imaginary_turned", heads + "_rotated");
    }

    /** Puts the elements of two tensors in turns. */
    private void joined(String even, String odd, String to) {
      graph.node("Unsqueeze", List.of(even, "last_of_pairs"), to + "_even");
      graph.node("Unsqueeze", List.of(odd, "last_of_pairs"), to + "_odd");
      graph.node(
          "Concat", List.of(to + "_even", to + "_odd"), to + "_stacked", attribute("axis", -1L));
      graph.node("Reshape", List.of(to + "_stacked", "turning_shape"), to);
    }

    private String repeated(int layer, String part, String heads) {
      String all = present(layer, part);
      graph.node("Concat", List.of(past(layer, part), heads), all, attribute("axis", 2L));
      graph.node("Unsqueeze", List.of(all, "at2"), all + "_apart");
      graph.node("Expand", List.of(all + "_apart", "expanded_shape"), all + "_expanded");
      graph.node("Reshape", List.of(all + "_expanded", "repeated_shape"), all + "_repeated");
      return all + "_repeated";
    }

    private String attention(int i, String query, String key, String value) {
      if (form == Form.ONNX) {
        graph.node(
            "",
            "Attention",
            List.of(query, key, value, "mask"),
            List.of("mixture" + i),
            new AttributeProto[] {attribute("scale", 0.2f), attribute("softcap", softcap)});
        return "mixture" + i;
      }
      graph.node("Transpose", List.of(key), key + "_columns", attribute("perm", 0L, 1L, 3L, 2L));
      String left = query;
      String right = key + "_columns";
      if (splitScale) {
        // The root of 1 / headDim, twice, from the size of a tensor.
        String size = "size" + i;
        graph.node("Shape", List.of(query), size, attribute("start", 3L));
        graph.node("Cast", List.of(size), size + "_real", attribute("to", 1L));
        graph.node("Sqrt", List.of(size + "_real"), size + "_root");
        graph.node("Reciprocal", List.of(size + "_root"), "scale" + i);
        graph.node("Sqrt", List.of("scale" + i), "root" + i);
        graph.node("Mul", List.of(left, "root" + i), left + "_scaled");
        graph.node("Mul", List.of(right, "root" + i), right + "_scaled");
        left += "_scaled";
        right += "_scaled";
      }
      graph.node("MatMul", List.of(left, right), "products" + i);
      String scores = "products" + i;
      if (!splitScale) {
        graph.initializer("divisor" + i, new float[] {4});
        graph.node("Div", List.of(scores, "divisor" + i), "scaled" + i);
        scores = "scaled" + i;
      }
      if (softcap != 0) {
        graph.node("Div", List.of(scores, "softcap"), "bounded" + i);
        graph.node("Tanh", List.of("bounded" + i), "tanh" + i);
        graph.node("Mul", List.of("softcap", "tanh" + i), "capped" + i);
        scores = "capped" + i;
      }
      graph.node("Add", List.of(scores, "mask"), "masked" + i);
      graph.node("Softmax", List.of("masked" + i), "weights" + i, attribute("axis", -1L));
      graph.node("IsNaN", List.of("weights" + i), "empty" + i);
      graph.node("Where", List.of("empty" + i, "nothing", "weights" + i), "safe" + i);
      graph.node("MatMul", List.of("safe" + i, value), "mixture" + i);
      return "mixture" + i;
    }

    private void linear(String from, String to, int in, int out) {
      weight(to + ".weight", 1 / Math.sqrt(in), in, out);
      graph.node("MatMul", List.of(from, to + ".weight"), to);
    }

    private void weight(String name, double deviation, long... dims) {
      float[] values = new float[(int) (dims[0] * dims[1])];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (random.nextGaussian() * deviation);
      }
      graph.initializer(name, values, dims);
    }
  }
}
