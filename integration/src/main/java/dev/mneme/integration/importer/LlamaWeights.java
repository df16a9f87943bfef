package dev.mneme.integration.importer;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors of a GGUF file of the llama architecture, checked by name and shape. Valid while the
 * arena that the file was opened in is.
 */
final class LlamaWeights {

  private static final String EMBEDDING = "token_embd.weight";
  private static final String HEAD = "output.weight";
  private static final String FINAL_NORM = "output_norm.weight";

  private final GgufFile gguf;
  private final LlamaShape shape;

  /** Checks that all tensors are there, in the right shapes, and that there are no others. */
  LlamaWeights(GgufFile gguf, LlamaShape shape) throws IOException {
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
      check(others, name(layer, "attn_norm"), hidden);
      check(others, name(layer, "attn_q"), hidden, shape.querySize());
      check(others, name(layer, "attn_k"), hidden, shape.kvSize());
      check(others, name(layer, "attn_v"), hidden, shape.kvSize());
      check(others, name(layer, "attn_output"), shape.querySize(), hidden);
      check(others, name(layer, "ffn_norm"), hidden);
      check(others, name(layer, "ffn_gate"), hidden, shape.feedForward());
      check(others, name(layer, "ffn_up"), hidden, shape.feedForward());
      check(others, name(layer, "ffn_down"), shape.feedForward(), hidden);
    }
    if (!others.isEmpty()) {
      throw new IOException(
          "%s: tensor %s is not supported: it is none of a plain llama model's"
              .formatted(gguf.metadata().file(), others.stream().sorted().findFirst().get()));
    }
  }

  LlamaShape shape() {
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
    return vector(name(layer, "attn_norm"));
  }

  float[] feedForwardNorm(int layer) {
    return vector(name(layer, "ffn_norm"));
  }

  /** Query, key and value projections one below the other, for rotation by halves. */
  WeightMatrix queryKeyValue(int layer) {
    return WeightMatrix.stacked(
        WeightMatrix.unpermuted(tensor(name(layer, "attn_q")), shape.heads()),
        WeightMatrix.unpermuted(tensor(name(layer, "attn_k")), shape.kvHeads()),
        tensor(name(layer, "attn_v")));
  }

  WeightMatrix attentionOutput(int layer) {
    return tensor(name(layer, "attn_output"));
  }

  WeightMatrix gate(int layer) {
    return tensor(name(layer, "ffn_gate"));
  }

  WeightMatrix up(int layer) {
    return tensor(name(layer, "ffn_up"));
  }

  WeightMatrix down(int layer) {
    return tensor(name(layer, "ffn_down"));
  }

  private static String name(int layer, String part) {
    return "blk." + layer + "." + part + ".weight";
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
