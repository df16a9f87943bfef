package dev.mneme.integration.jinja;

/**
 * The text of a template as Jinja2 takes it with {@code lstrip_blocks}: line ends are single
 * characters, the last of them is left out, and so are comments and what indents a block. The
 * library's own {@code lstrip_blocks} takes away spaces between words too.
 */
final class TemplateText {

  private final String text;
  private final StringBuilder kept = new StringBuilder();
  private int at;

  private TemplateText(String text) {
    this.text = text;
  }

  static String read(String source) {
    String lines = source.replace("\r\n", "\n");
    return new TemplateText(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines)
        .withoutIndents();
  }

  private String withoutIndents() {
    while (at < text.length()) {
      if (startsWith("{%") || startsWith("{#")) {
        stripIndent();
      }
      if (startsWith("{#")) {
        skipComment();
      } else if (startsWith("{%")) {
        take(endOfCode("%}"));
      } else if (startsWith("{{")) {
        take(endOfCode("}}"));
      } else {
        take(at + 1);
      }
    }
    return kept.toString();
  }

  private boolean startsWith(String mark) {
    return text.startsWith(mark, at);
  }

  private void take(int end) {
    kept.append(text, at, end);
    at = end;
  }

  /** Leaves out spaces that have nothing in front of them on their line, unless a plus says so. */
  private void stripIndent() {
    int start = at;
    while (start > 0 && (text.charAt(start - 1) == ' ' || text.charAt(start - 1) == '\t')) {
      start--;
    }
    if ((start == 0 || text.charAt(start - 1) == '\n') && !text.startsWith("+", at + 2)) {
      kept.setLength(kept.length() - (at - start));
    }
  }

  /**
   * Puts an expression without text in the place of a comment, with its signs that trim and as many
   * lines. The library forgets what a comment trims after it.
   */
  private void skipComment() {
    int close = text.indexOf("#}", at + 2);
    if (close < 0) {
      take(text.length());
      return;
    }
    int end = close + 2;
    boolean trimsBefore = text.startsWith("-", at + 2);
    boolean trimsAfter = text.charAt(close - 1) == '-';
    if (text.startsWith("\n", end)) {
      end++; // as trim_blocks does
    }
    kept.append(trimsBefore ? "{{- ''" : "{{ ''");
    text.substring(at, end).chars().filter(c -> c == '\n').forEach(_ -> kept.append('\n'));
    kept.append(trimsAfter ? " -}}" : " }}");
    at = end;
  }

  /** The end of a block or an expression, in whose strings its mark may be. */
  private int endOfCode(String mark) {
    char quote = 0;
    for (int end = at + 2; end < text.length(); end++) {
      char character = text.charAt(end);
      if (quote != 0) {
        end += character == '\\' ? 1 : 0;
        quote = character == quote ? 0 : quote;
      } else if (character == '\'' || character == '"') {
        quote = character;
      } else if (text.startsWith(mark, end)) {
        return end + 2;
      }
    }
    return text.length();
  }
}
