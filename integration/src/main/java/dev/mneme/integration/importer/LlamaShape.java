package dev.mneme.integration.importer;

import java.io.IOException;
import java.util.Set;

/**
 * The sizes and constants of a model of the llama architecture.
 *
 * @param headSize size of a head, all of it rotated
 * @param ropeBase base of the rotation's frequencies
 * @param epsilon added to the mean square in RMS norms
 */
record LlamaShape(
    int layers,
    int contextLength,
    int hidden,
    int feedForward,
    int heads,
    int kvHeads,
    int headSize,
    int vocabulary,
    double ropeBase,
    float epsilon) {

  private static final String ARCHITECTURE = "general.architecture";
  private static final String PREFIX = "llama.";
  private static final String HEADS = PREFIX + "attention.head_count";
  private static final String KV_HEADS = PREFIX + "attention.head_count_kv";
  private static final String KEY_LENGTH = PREFIX + "attention.key_length";
  private static final String VALUE_LENGTH = PREFIX + "attention.value_length";
  private static final String ROPE_DIMENSIONS = PREFIX + "rope.dimension_count";
  private static final String ROPE_BASE = PREFIX + "rope.freq_base";
  private static final String ROPE_SCALING = PREFIX + "rope.scaling.type";
  private static final String VOCABULARY = PREFIX + "vocab_size";
  private static final String LAYERS = PREFIX + "block_count";
  private static final String CONTEXT = PREFIX + "context_length";
  private static final String HIDDEN = PREFIX + "embedding_length";
  private static final String FEED_FORWARD = PREFIX + "feed_forward_length";
  private static final String EPSILON = PREFIX + "attention.layer_norm_rms_epsilon";

  private static final Set<String> KNOWN =
      Set.of(
          HEADS,
          KV_HEADS,
          KEY_LENGTH,
          VALUE_LENGTH,
          ROPE_DIMENSIONS,
          ROPE_BASE,
          ROPE_SCALING,
          VOCABULARY,
          LAYERS,
          CONTEXT,
          HIDDEN,
          FEED_FORWARD,
          EPSILON);

  /** ONNX Runtime's GroupQueryAttention rotates heads of multiples of this many elements. */
  private static final int HEAD_SIZE_MULTIPLE = 16;

  /** Reads and checks the metadata; a property that this architecture does not have is refused. */
  static LlamaShape of(GgufMetadata metadata) throws IOException {
    String architecture = metadata.text(ARCHITECTURE);
    if (!architecture.equals("llama")) {
      throw metadata.unexpected(ARCHITECTURE, "llama, the one supported", architecture);
    }
    for (String key : metadata.values().keySet()) {
      if (key.startsWith(PREFIX) && !KNOWN.contains(key)) {
        throw metadata.unexpected(
            key, "no such property, it is not supported", metadata.values().get(key));
      }
    }
    String scaling = metadata.findText(ROPE_SCALING).orElse("none");
    if (!scaling.equals("none")) {
      throw metadata.unexpected(ROPE_SCALING, "none, the one supported", scaling);
    }
    int hidden = metadata.positive(HIDDEN);
    int heads = metadata.positive(HEADS);
    int kvHeads = metadata.contains(KV_HEADS) ? metadata.positive(KV_HEADS) : heads;
    if (heads % kvHeads != 0) {
      throw metadata.unexpected(KV_HEADS, "a divisor of the " + heads + " heads", kvHeads);
    }
    if (!metadata.contains(KEY_LENGTH) && hidden % heads != 0) {
      throw metadata.unexpected(HEADS, "a divisor of " + HIDDEN + " " + hidden, heads);
    }
    int headSize = metadata.contains(KEY_LENGTH) ? metadata.positive(KEY_LENGTH) : hidden / heads;
    if (headSize % HEAD_SIZE_MULTIPLE != 0) {
      throw metadata.unexpected(
          KEY_LENGTH, "a head size in multiples of " + HEAD_SIZE_MULTIPLE, headSize);
    }
    for (String key : new String[] {VALUE_LENGTH, ROPE_DIMENSIONS}) {
      if (metadata.contains(key) && metadata.positive(key) != headSize) {
        throw metadata.unexpected(key, "the head size " + headSize, metadata.positive(key));
      }
    }
    double ropeBase = metadata.findReal(ROPE_BASE).orElse(10_000.0);
    if (!(ropeBase > 1)) {
      throw metadata.unexpected(ROPE_BASE, "a number above 1", ropeBase);
    }
    double epsilon = metadata.real(EPSILON);
    if (!(epsilon >= 0)) {
      throw metadata.unexpected(EPSILON, "a number not below 0", epsilon);
    }
    return new LlamaShape(
        metadata.positive(LAYERS),
        metadata.positive(CONTEXT),
        hidden,
        metadata.positive(FEED_FORWARD),
        heads,
        kvHeads,
        headSize,
        metadata.contains(VOCABULARY)
            ? metadata.positive(VOCABULARY)
            : metadata.texts(GgufTokenizer.TOKENS).size(),
        ropeBase,
        (float) epsilon);
  }

  int querySize() {
    return heads * headSize;
  }

  int kvSize() {
    return kvHeads * headSize;
  }
}
