package dev.mneme.integration.jinja;

/**
 * A template cannot be rendered, or refuses what it was to render: the message names the template's
 * file, the line where known, and the construct or the template's own words.
 */
public final class TemplateException extends RuntimeException {

  private static final long serialVersionUID = 1;

  TemplateException(String message) {
    super(message);
  }
}
