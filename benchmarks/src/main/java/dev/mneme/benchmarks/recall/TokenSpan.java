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

  /**
   * Where a prompt's needles are.
   *
   * @param context the prompt's context, or all of it, as tokens
   */
  static List<TokenSpan> needles(Prompt prompt, Tokenizer.Encoded context) {
    return prompt.needles().stream()
        .map(needle ->
            new TokenSpan(context.tokensBefore(needle.start()), context.tokensBefore(needle.end())))
        .toList();
  }
}
