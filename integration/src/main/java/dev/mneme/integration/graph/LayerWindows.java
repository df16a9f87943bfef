package dev.mneme.integration.graph;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Which layers see only a local window, as {@code config.json} beside a model says by {@code
 * layer_types} and {@code sliding_window}. Attention in single operators has its window in a mask,
 * where it cannot be read; {@code sliding_window} alone is not to be trusted, as it stays where
 * windows are switched off.
 */
final class LayerWindows {

  private static final String FILE = "config.json";

  private final JsonNode config;

  private LayerWindows(JsonNode config) {
    this.config = config;
  }

  /**
   * Reads the file in a model's folder, if there is one.
   *
   * @throws IOException if it is not JSON
   */
  static LayerWindows read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (Files.notExists(file)) {
      return new LayerWindows(new ObjectMapper().createObjectNode());
    }
    try {
      JsonNode root = new ObjectMapper().readTree(Files.readAllBytes(file));
      return new LayerWindows(root.has("text_config") ? root.path("text_config") : root);
    } catch (JsonProcessingException e) {
      throw new IOException(file + ": not JSON: " + e.getOriginalMessage(), e);
    }
  }

  /** Tokens that a layer sees, its own included; 0 for all. */
  int of(int layer) {
    return config.path("layer_types").path(layer).asText().equals("sliding_attention")
        ? config.path("sliding_window").asInt()
        : 0;
  }
}
