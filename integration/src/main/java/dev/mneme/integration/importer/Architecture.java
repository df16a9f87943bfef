package dev.mneme.integration.importer;

import java.io.IOException;
import java.util.Arrays;

/** The architectures that can be imported, and what tells them apart. */
enum Architecture {
  /** Rows of query and key projections are in the order of rotation by neighbours. */
  LLAMA("llama", "llama"),
  /** Biases on queries, keys and values. */
  QWEN2("qwen2", "qwen2"),
  /**
   * Scaled embeddings, norms of each query and key head, norms on both sides of attention and of
   * the feed-forward network, GELU, and layers that see a window only.
   */
  GEMMA3("gemma3", "gemma3_text");

  private static final String KEY = "general.architecture";

  private final String ggufName;
  private final String configName;

  Architecture(String ggufName, String configName) {
    this.ggufName = ggufName;
    this.configName = configName;
  }

  /** The architecture that a file names; another one is refused. */
  static Architecture of(GgufMetadata metadata) throws IOException {
    String found = metadata.text(KEY);
    return Arrays.stream(values())
        .filter(architecture -> architecture.ggufName.equals(found))
        .findFirst()
        .orElseThrow(() -> metadata.unexpected(KEY, "one of " + names(), found));
  }

  private static String names() {
    return String.join(
        ", ", Arrays.stream(values()).map(architecture -> architecture.ggufName).toList());
  }

  /** What begins the keys of its metadata, without the dot. */
  String ggufName() {
    return ggufName;
  }

  /** What configuration files of Hugging Face and onnxruntime-genai call it. */
  String configName() {
    return configName;
  }

  /** Whether the file pairs rows 2j and 2j + 1 of a query or key head, and not j and j + size/2. */
  boolean pairsNeighbours() {
    return this == LLAMA;
  }

  /** Whether queries, keys and values have biases. */
  boolean isBiased() {
    return this == QWEN2;
  }

  /** Whether each query and key head is normed before rotation. */
  boolean hasHeadNorms() {
    return this == GEMMA3;
  }

  /** Whether the outputs of attention and feed-forward network are normed before they are added. */
  boolean hasOutputNorms() {
    return this == GEMMA3;
  }

  /** Whether the feed-forward network is gated by GELU in its tanh form, and not by SiLU. */
  boolean hasGelu() {
    return this == GEMMA3;
  }

  /** Whether embeddings are multiplied by the square root of their length. */
  boolean scalesEmbeddings() {
    return this == GEMMA3;
  }

  /** Whether some layers see a window only. */
  boolean hasWindows() {
    return this == GEMMA3;
  }
}
