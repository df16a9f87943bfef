package dev.mneme.integration.text;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The JSON files beside a tokenizer, which may be missing. */
final class ConfigurationFile {

  private static final JsonMapper JSON = new JsonMapper();

  private ConfigurationFile() {}

  /**
   * The content of a file, a missing node where there is no file.
   *
   * @throws IOException if it cannot be read or is not JSON; the message names it
   */
  static JsonNode read(Path file) throws IOException {
    if (!Files.exists(file)) {
      return JSON.missingNode();
    }
    try {
      return JSON.readTree(file.toFile());
    } catch (JacksonException e) {
      throw new IOException("%s: not JSON: %s".formatted(file, e.getOriginalMessage()), e);
    }
  }

  /** A token's text, which is a string or the {@code content} of an object; empty without one. */
  static String token(JsonNode token) {
    return token.isObject() ? token.path("content").asText() : token.asText("");
  }
}
