package dev.mneme.integration.importer;

import com.google.common.primitives.Floats;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors of a decoder-only model in a GGUF file, checked by name and shape. Valid while the
 * arena that the file was opened in is.
 */
final class DecoderWeights {

  private static final String EMBEDDING = "token_embd.weight";
  private static final String HEAD = "output.weight";
  private static final String FINAL_NORM = "output_norm.weight";

  private final GgufFile gguf;
  private final DecoderShape shape;

  /** Checks that all tensors are there, in the right shapes, and that there are no others. */
  DecoderWeights(GgufFile gguf, DecoderShape shape) throws IOException {
    this.gguf = gguf;
    this.shape = shape;
    Set<String> others = new HashSet<>(gguf.tensors().keySet());
    int hidden = shape.hidden();
    check(others, EMBEDDING, hidden, shape.vocabulary());
    if (gguf.tensors().containsKey(HEAD)) {
      check(others, HEAD, hidden, shape.vocabulary());
    }
    check(others, FINAL_NORM, hidden);
    for (int layer = 0; layer < shape.layers(); layer++) {
      checkLayer(others, layer);
    }
    if (!others.isEmpty()) {
      throw new IOException(
          "%s: tensor %s is not supported: it is none of a plain %s model's"
              .formatted(
                  gguf.metadata().file(),
                  others.stream().sorted().findFirst().get(),
                  shape.architecture().ggufName()));
    }
  }

  private void checkLayer(Set<String> others, int layer) throws IOException {
    int hidden = shape.hidden();
    check(others, name(layer, "attn_norm.weight"), hidden);
    check(others, name(layer, "attn_q.weight"), hidden, shape.querySize());
    check(others, name(layer, "attn_k.weight"), hidden, shape.kvSize());
    check(others, name(layer, "attn_v.weight"), hidden, shape.kvSize());
    check(others, name(layer, "attn_output.weight"), shape.querySize(), hidden);
    check(others, name(layer, "ffn_norm.weight"), hidden);
    check(others, name(layer, "ffn_gate.weight"), hidden, shape.feedForward());
    check(others, name(layer, "ffn_up.weight"), hidden, shape.feedForward());
    check(others, name(layer, "ffn_down.weight"), shape.feedForward(), hidden);
    Architecture architecture = shape.architecture();
    if (architecture.isBiased()) {
      check(others, name(layer, "attn_q.bias"), shape.querySize());
      check(others, name(layer, "attn_k.bias"), shape.kvSize());
      check(others, name(layer, "attn_v.bias"), shape.kvSize());
    }
    if (architecture.hasHeadNorms()) {
      check(others, name(layer, "attn_q_norm.weight"), shape.headSize());
      check(others, name(layer, "attn_k_norm.weight"), shape.headSize());
    }
    if (architecture.hasOutputNorms()) {
      check(others, name(layer, "post_attention_norm.weight"), hidden);
      check(others, name(layer, "post_ffw_norm.weight"), hidden);
    }
  }

  DecoderShape shape() {
    return shape;
  }

  /** Token embeddings: one row of {@code hidden} weights for each token. */
  WeightMatrix embedding() {
    return tensor(EMBEDDING);
  }

  /** The head's own weights; absent when it shares those of the embedding. */
  Optional<WeightMatrix> ownHead() {
    return Optional.ofNullable(gguf.tensors().get(HEAD));
  }

  float[] finalNorm() {
    return vector(FINAL_NORM);
  }

  float[] attentionNorm(int layer) {
    return vector(name(layer, "attn_norm.weight"));
  }

  float[] feedForwardNorm(int layer) {
    return vector(name(layer, "ffn_norm.weight"));
  }

  /** Of the output of attention, where the architecture has output norms. */
  float[] attentionOutputNorm(int layer) {
    return vector(name(layer, "post_attention_norm.weight"));
  }

  /** Of the output of the feed-forward network, where the architecture has output norms. */
  float[] feedForwardOutputNorm(int layer) {
    return vector(name(layer, "post_ffw_norm.weight"));
  }

  /** Of each query head, where the architecture has head norms. */
  float[] queryNorm(int layer) {
    return vector(name(layer, "attn_q_norm.weight"));
  }

  /** Of each key head, where the architecture has head norms. */
  float[] keyNorm(int layer) {
    return vector(name(layer, "attn_k_norm.weight"));
  }

  /** Query, key and value projections one below the other, for rotation by halves. */
  WeightMatrix queryKeyValue(int layer) {
    return WeightMatrix.stacked(query(layer), key(layer), value(layer));
  }

  /** Biases of {@link #queryKeyValue}, where the architecture has some. */
  float[] queryKeyValueBias(int layer) {
    return Floats.concat(
        vector(name(layer, "attn_q.bias")),
        vector(name(layer, "attn_k.bias")),
        vector(name(layer, "attn_v.bias")));
  }

  /** The query projection, for rotation by halves. */
  WeightMatrix query(int layer) {
    return byHalves(tensor(name(layer, "attn_q.weight")), shape.heads());
  }

  /** The key projection, for rotation by halves. */
  WeightMatrix key(int layer) {
    return byHalves(tensor(name(layer, "attn_k.weight")), shape.kvHeads());
  }

  WeightMatrix value(int layer) {
    return tensor(name(layer, "attn_v.weight"));
  }

  WeightMatrix attentionOutput(int layer) {
    return tensor(name(layer, "attn_output.weight"));
  }

  WeightMatrix gate(int layer) {
    return tensor(name(layer, "ffn_gate.weight"));
  }

  WeightMatrix up(int layer) {
    return tensor(name(layer, "ffn_up.weight"));
  }

  WeightMatrix down(int layer) {
    return tensor(name(layer, "ffn_down.weight"));
  }

  private WeightMatrix byHalves(WeightMatrix projection, int heads) {
    return shape.architecture().pairsNeighbours()
        ? WeightMatrix.unpermuted(projection, heads)
        : projection;
  }

  private static String name(int layer, String part) {
    return "blk." + layer + "." + part;
  }

  private float[] vector(String name) {
    GgufTensor tensor = tensor(name);
    float[] values = new float[tensor.columns()];
    tensor.read(0, 0, values.length, values, 0);
    return values;
  }

  private GgufTensor tensor(String name) {
    GgufTensor tensor = gguf.tensors().get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return tensor;
  }

  private void check(Set<String> others, String name, long... dims) throws IOException {
    String file = gguf.metadata().file();
    GgufTensor tensor = gguf.tensors().get(name);
    if (tensor == null) {
      throw new IOException(file + ": tensor " + name + " is missing");
    }
    List<Long> expected = Arrays.stream(dims).boxed().toList();
    if (!tensor.dims().equals(expected)) {
      throw new IOException(
          "%s: tensor %s: expected dimensions %s, found %s"
              .formatted(file, name, expected, tensor.dims()));
    }
    others.remove(name);
  }
}
