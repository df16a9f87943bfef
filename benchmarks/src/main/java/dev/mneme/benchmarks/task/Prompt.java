package dev.mneme.benchmarks.task;

import java.util.List;

/**
 * What a task asks.
 *
 * @param context what is read
 * @param needles characters of {@code context} that the answer has to be read from; none where they
 *     are not known
 * @param question what follows the context
 * @param answerPrefix the start of the answer, for the model to go on from
 * @param answers right answers, at least one
 */
public record Prompt(
    String context,
    List<Span> needles,
    String question,
    String answerPrefix,
    List<String> answers) {

  /** Checks the values. */
  public Prompt {
    needles = List.copyOf(needles);
    answers = List.copyOf(answers);
    if (answers.isEmpty()) {
      throw new IllegalArgumentException("answers must not be empty");
    }
    if (answers.contains("")) {
      throw new IllegalArgumentException("answers must not contain the empty string");
    }
    for (Span needle : needles) {
      if (needle.end() > context.length()) {
        throw new IllegalArgumentException(
            "needle must lie within the context: end %d, context %d characters"
                .formatted(needle.end(), context.length()));
      }
    }
  }

  /** What the model reads, raw: context, question and answer prefix with nothing between. */
  public String text() {
    return context + question + answerPrefix;
  }
}
