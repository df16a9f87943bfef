package dev.mneme.benchmarks.task;

/**
 * A run of characters of a text, as {@link String#substring(int, int)} counts them.
 *
 * @param start first character, inclusive
 * @param end last character, exclusive
 */
public record Span(int start, int end) {

  /** Checks that the span is one. */
  public Span {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException(
          "span must have 0 <= start <= end: start %d, end %d".formatted(start, end));
    }
  }

  /** The characters of {@code text} in this span. */
  public String of(String text) {
    return text.substring(start, end);
  }
}
