package dev.mneme.integration.importer;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The key/value pairs of a GGUF file. A key that is missing or of another type is an {@link
 * IOException} that names it.
 *
 * @param file name of the file, for errors
 * @param values as {@link GgufCursor#value} gives them
 */
record GgufMetadata(String file, Map<String, Object> values) {

  boolean contains(String key) {
    return values.containsKey(key);
  }

  Optional<String> findText(String key) throws IOException {
    return find(key, String.class, "a string");
  }

  String text(String key) throws IOException {
    return findText(key).orElseThrow(() -> missing(key));
  }

  Optional<Long> findInteger(String key) throws IOException {
    return find(key, Long.class, "an integer");
  }

  /** An integer from 1 to 2^31-1. */
  int positive(String key) throws IOException {
    long value = findInteger(key).orElseThrow(() -> missing(key));
    if (value < 1 || value > Integer.MAX_VALUE) {
      throw unexpected(key, "a positive number", value);
    }
    return (int) value;
  }

  double real(String key) throws IOException {
    return findReal(key).orElseThrow(() -> missing(key));
  }

  Optional<Double> findReal(String key) throws IOException {
    return find(key, Double.class, "a floating-point number");
  }

  /** A boolean, {@code otherwise} where there is none. */
  boolean flag(String key, boolean otherwise) throws IOException {
    return find(key, Boolean.class, "a boolean").orElse(otherwise);
  }

  List<String> texts(String key) throws IOException {
    return list(key, String.class, "strings");
  }

  List<Long> integers(String key) throws IOException {
    return list(key, Long.class, "integers");
  }

  List<Double> reals(String key) throws IOException {
    return list(key, Double.class, "floating-point numbers");
  }

  IOException unexpected(String key, String expected, Object found) {
    return new IOException(
        "%s: metadata %s: expected %s, found %s".formatted(file, key, expected, found));
  }

  private <T> List<T> list(String key, Class<T> type, String what) throws IOException {
    List<?> found = find(key, List.class, "an array").orElseThrow(() -> missing(key));
    for (Object value : found) {
      if (!type.isInstance(value)) {
        throw unexpected(key, "an array of " + what, value);
      }
    }
    return found.stream().map(type::cast).toList();
  }

  private <T> Optional<T> find(String key, Class<T> type, String what) throws IOException {
    Object value = values.get(key);
    if (value != null && !type.isInstance(value)) {
      throw unexpected(key, what, value);
    }
    return Optional.ofNullable(type.cast(value));
  }

  private IOException missing(String key) {
    return new IOException(file + ": metadata " + key + " is missing");
  }
}
