package dev.mneme.benchmarks.task;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt whose right answer is known.
 *
 * @param id names the sample among those of its task
 * @param task the task and the variant of it
 * @param context what is read, the needle in it
 * @param question what follows the context
 * @param answerPrefix the start of the answer, for the model to go on from
 * @param answers right answers, at least one
 * @param maxNewTokens most tokens of a completion
 * @param depth place of the needle in the context, from 0 (start) to 1 (end); null when unknown
 * @param needle the needle's characters in {@code context}; null when unknown
 */
public record Sample(
    String id,
    String task,
    String context,
    String question,
    String answerPrefix,
    List<String> answers,
    int maxNewTokens,
    @Nullable Double depth,
    @Nullable Span needle) {

  /** Checks the values. */
  public Sample {
    answers = List.copyOf(answers);
    if (answers.isEmpty()) {
      throw new IllegalArgumentException("answers must not be empty");
    }
    if (answers.contains("")) {
      throw new IllegalArgumentException("answers must not contain the empty string");
    }
    if (maxNewTokens < 1) {
      throw new IllegalArgumentException("maxNewTokens must be positive: " + maxNewTokens);
    }
    if (depth != null && !(depth >= 0 && depth <= 1)) {
      throw new IllegalArgumentException("depth must be from 0 to 1: " + depth);
    }
    if (needle != null && needle.end() > context.length()) {
      throw new IllegalArgumentException(
          "needle must lie within the context: end %d, context %d characters"
              .formatted(needle.end(), context.length()));
    }
  }

  /** What the model reads, raw: context, question and answer prefix with nothing between. */
  public String prompt() {
    return context + question + answerPrefix;
  }

  /** Whether any of the answers occurs in {@code completion}. */
  public boolean hit(String completion) {
    return answers.stream().anyMatch(completion::contains);
  }
}
