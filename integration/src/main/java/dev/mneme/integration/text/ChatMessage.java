package dev.mneme.integration.text;

/**
 * What one side of a chat says.
 *
 * @param role who says it, in the words of the model's template: {@code system}, {@code user} or
 *     {@code assistant} in nearly all
 * @param content what is said
 */
public record ChatMessage(String role, String content) {

  /** What the user says. */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }
}
