package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line of a data set. What is wrong with it is an {@link IllegalArgumentException}.
 *
 * @param node the parsed line
 */
record DataLine(JsonNode node) {

  DataLine {
    if (!node.isObject()) {
      throw new IllegalArgumentException("must be a JSON object: " + node.getNodeType());
    }
  }

  boolean has(String key) {
    return node.has(key);
  }

  String text(String key) {
    return text(key, required(key));
  }

  /** A text, or a value where the key is absent; a number counts as its digits. */
  String text(String key, String otherwise) {
    JsonNode value = node.get(key);
    return value == null ? otherwise : value.isNumber() ? value.asText() : text(key, value);
  }

  /** A list of texts, which may be written as a single one. */
  List<String> texts(String key) {
    JsonNode value = required(key);
    if (value.isTextual()) {
      return List.of(value.textValue());
    }
    return array(key).valueStream().map(element -> text(key, element)).toList();
  }

  /** The same where any of them may be a number, which counts as its digits. */
  List<String> textsOrNumbers(String key) {
    JsonNode value = required(key);
    if (value.isNumber()) {
      return List.of(value.asText());
    }
    return value.isArray()
        ? value
            .valueStream()
            .map(element -> element.isNumber() ? element.asText() : text(key, element))
            .toList()
        : texts(key);
  }

  JsonNode array(String key) {
    JsonNode value = required(key);
    if (!value.isArray()) {
      throw wrong(key, "an array of strings", value);
    }
    return value;
  }

  int integer(String key) {
    JsonNode value = required(key);
    if (!value.canConvertToExactIntegral() || !value.canConvertToInt()) {
      throw wrong(key, "an integer", value);
    }
    return value.intValue();
  }

  /** A number; null where the key is absent. */
  @Nullable Double number(String key) {
    JsonNode value = node.get(key);
    if (value == null || value.isNull()) {
      return null;
    }
    if (!value.isNumber()) {
      throw wrong(key, "a number", value);
    }
    return value.doubleValue();
  }

  private static String text(String key, JsonNode value) {
    if (!value.isTextual()) {
      throw wrong(key, "a string", value);
    }
    return value.textValue();
  }

  private JsonNode required(String key) {
    JsonNode value = node.get(key);
    if (value == null) {
      throw new IllegalArgumentException("missing key: " + key);
    }
    return value;
  }

  private static IllegalArgumentException wrong(String key, String expected, JsonNode found) {
    return new IllegalArgumentException("%s must be %s: %s".formatted(key, expected, found));
  }
}
