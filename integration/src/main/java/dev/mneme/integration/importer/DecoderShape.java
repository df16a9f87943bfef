package dev.mneme.integration.importer;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The sizes and constants of a decoder-only model.
 *
 * @param headSize size of a head, all of it rotated
 * @param queryScale factor of the products of queries and keys
 * @param ropeBase base of the rotation's frequencies
 * @param windows which layers see a window only
 * @param epsilon added to the mean square in RMS norms
 */
record DecoderShape(
    Architecture architecture,
    int layers,
    int contextLength,
    int hidden,
    int feedForward,
    int heads,
    int kvHeads,
    int headSize,
    int vocabulary,
    float queryScale,
    double ropeBase,
    Windows windows,
    float epsilon) {

  private static final String HEADS = "attention.head_count";
  private static final String KV_HEADS = "attention.head_count_kv";
  private static final String KEY_LENGTH = "attention.key_length";
  private static final String VALUE_LENGTH = "attention.value_length";
  private static final String ATTENTION_SCALE = "attention.scale";
  private static final String WINDOW = "attention.sliding_window";
  private static final String WINDOW_PERIOD = "attention.sliding_window_pattern";
  private static final String ROPE_DIMENSIONS = "rope.dimension_count";
  private static final String ROPE_BASE = "rope.freq_base";
  private static final String WINDOW_ROPE_BASE = "rope.freq_base_swa";
  private static final String ROPE_SCALING = "rope.scaling.type";
  private static final String VOCABULARY = "vocab_size";
  private static final String LAYERS = "block_count";
  private static final String CONTEXT = "context_length";
  private static final String HIDDEN = "embedding_length";
  private static final String FEED_FORWARD = "feed_forward_length";
  private static final String EPSILON = "attention.layer_norm_rms_epsilon";

  private static final List<String> KNOWN =
      List.of(
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
  private static final List<String> KNOWN_OF_WINDOWS =
      List.of(ATTENTION_SCALE, WINDOW, WINDOW_PERIOD, WINDOW_ROPE_BASE);

  /** ONNX Runtime's GroupQueryAttention rotates heads of multiples of this many elements. */
  private static final int HEAD_SIZE_MULTIPLE = 16;

  /** Every sixth layer of Gemma 3 sees all tokens, where the file does not say otherwise. */
  private static final int DEFAULT_WINDOW_PERIOD = 6;

  private static final double DEFAULT_ROPE_BASE = 10_000;

  /** Reads and checks the metadata; a property that the architecture does not have is refused. */
  static DecoderShape of(GgufMetadata metadata) throws IOException {
    Reader reader = new Reader(metadata, Architecture.of(metadata));
    reader.refuseUnknown();
    return reader.shape();
  }

  int querySize() {
    return heads * headSize;
  }

  int kvSize() {
    return kvHeads * headSize;
  }

  /**
   * Layers that see a window only, by a rotation of their own.
   *
   * @param tokens that such a layer sees, its own included; 0 if there are none
   * @param period the last of each so many layers sees all tokens
   * @param ropeBase base of the rotation's frequencies in such layers
   */
  record Windows(int tokens, int period, double ropeBase) {

    private static final Windows NONE = new Windows(0, 1, DEFAULT_ROPE_BASE);

    boolean exist() {
      return tokens > 0;
    }

    /** Whether {@code layer} sees a window only. */
    boolean contain(int layer) {
      return exist() && layer % period != period - 1;
    }
  }

  /** Reads the metadata of one architecture, whose keys begin with its name. */
  private record Reader(GgufMetadata metadata, Architecture architecture) {

    void refuseUnknown() throws IOException {
      Set<String> known = new HashSet<>(KNOWN);
      if (architecture.hasWindows()) {
        known.addAll(KNOWN_OF_WINDOWS);
      }
      String prefix = key("");
      for (String key : metadata.values().keySet()) {
        if (key.startsWith(prefix) && !known.contains(key.substring(prefix.length()))) {
          throw metadata.unexpected(
              key, "no such property, it is not supported", metadata.values().get(key));
        }
      }
      String scaling = metadata.findText(key(ROPE_SCALING)).orElse("none");
      if (!scaling.equals("none")) {
        throw unexpected(ROPE_SCALING, "none, the one supported", scaling);
      }
    }

    DecoderShape shape() throws IOException {
      int hidden = positive(HIDDEN);
      int heads = positive(HEADS);
      int kvHeads = positive(KV_HEADS, heads);
      if (heads % kvHeads != 0) {
        throw unexpected(KV_HEADS, "a divisor of the " + heads + " heads", kvHeads);
      }
      int headSize = headSize(hidden, heads);
      double epsilon = metadata.real(key(EPSILON));
      if (!(epsilon >= 0)) {
        throw unexpected(EPSILON, "a number not below 0", epsilon);
      }
      return new DecoderShape(
          architecture,
          positive(LAYERS),
          positive(CONTEXT),
          hidden,
          positive(FEED_FORWARD),
          heads,
          kvHeads,
          headSize,
          contains(VOCABULARY) ? positive(VOCABULARY) : metadata.texts(GgufTokenizer.TOKENS).size(),
          queryScale(headSize),
          ropeBase(ROPE_BASE),
          architecture.hasWindows() ? windows() : Windows.NONE,
          (float) epsilon);
    }

    private int headSize(int hidden, int heads) throws IOException {
      if (!contains(KEY_LENGTH) && hidden % heads != 0) {
        throw unexpected(HEADS, "a divisor of " + key(HIDDEN) + " " + hidden, heads);
      }
      int headSize = positive(KEY_LENGTH, hidden / heads);
      if (headSize % HEAD_SIZE_MULTIPLE != 0) {
        throw unexpected(KEY_LENGTH, "a head size in multiples of " + HEAD_SIZE_MULTIPLE, headSize);
      }
      for (String name : List.of(VALUE_LENGTH, ROPE_DIMENSIONS)) {
        if (positive(name, headSize) != headSize) {
          throw unexpected(name, "the head size " + headSize, positive(name));
        }
      }
      return headSize;
    }

    private float queryScale(int headSize) throws IOException {
      double scale = metadata.findReal(key(ATTENTION_SCALE)).orElse(1 / Math.sqrt(headSize));
      if (!(scale > 0)) {
        throw unexpected(ATTENTION_SCALE, "a number above 0", scale);
      }
      return (float) scale;
    }

    private double ropeBase(String name) throws IOException {
      double base = metadata.findReal(key(name)).orElse(DEFAULT_ROPE_BASE);
      if (!(base > 1)) {
        throw unexpected(name, "a number above 1", base);
      }
      return base;
    }

    private Windows windows() throws IOException {
      return new Windows(
          positive(WINDOW),
          positive(WINDOW_PERIOD, DEFAULT_WINDOW_PERIOD),
          ropeBase(WINDOW_ROPE_BASE));
    }

    private boolean contains(String name) {
      return metadata.contains(key(name));
    }

    private int positive(String name) throws IOException {
      return metadata.positive(key(name));
    }

    private int positive(String name, int otherwise) throws IOException {
      return contains(name) ? positive(name) : otherwise;
    }

    private IOException unexpected(String name, String expected, Object found) {
      return metadata.unexpected(key(name), expected, found);
    }

    private String key(String name) {
      return architecture.ggufName() + "." + name;
    }
  }
}
