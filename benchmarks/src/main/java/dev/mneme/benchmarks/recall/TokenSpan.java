package dev.mneme.benchmarks.recall;

import dev.mneme.benchmarks.task.Prompt;
import dev.mneme.integration.text.Tokenizer;
import java.util.List;

/**
 * A run of tokens.
 *
 * @param from first, inclusive
 * @param to last, exclusive
 */
record TokenSpan(int from, int to) {

  /** Where a prompt's needles are. */
  static List<TokenSpan> needles(Prompt prompt, Tokenizer tokenizer) {
    return prompt.needles().stream()
        .map(needle ->
            new TokenSpan(
                tokens(prompt, needle.start(), tokenizer), tokens(prompt, needle.end(), tokenizer)))
        .toList();
  }

  /** How many tokens come before the question. */
  static int question(Prompt prompt, Tokenizer tokenizer) {
    return tokens(prompt, prompt.context().length(), tokenizer);
  }

  private static int tokens(Prompt prompt, int characters, Tokenizer tokenizer) {
    return tokenizer.encode(prompt.context().substring(0, characters)).length;
  }
}
