package dev.mneme.benchmarks.task;

import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;

/** How a completion is judged: by the published rule of a task where one is named. */
public enum Scoring {
  /** Any answer occurs in it. */
  CONTAINS_ANY,
  /** Any answer occurs in its first line, in any case (Lost in the Middle, LongBench). */
  FIRST_LINE_CONTAINS_ANY,
  /** RULER's {@code string_match_all}: the share of answers that occur in it in any case. */
  CONTAINS_ALL,
  /** Its first run of digits is an answer, digit for digit (landmark attention, InfiniteBench). */
  FIRST_NUMBER,
  /** Its last run of digits is an answer (LongEval). */
  LAST_NUMBER,
  /** LongBench's {@code retrieval_score}: the share of its runs of digits that are the answer's. */
  SHARE_OF_NUMBERS,
  /** An answer is one of its words, once {@code : " ' . , ? ! { }} are blanks (InfiniteBench). */
  WORD,
  /** It starts with an answer, whatever blanks are in front. */
  STARTS_WITH;

  private static final Pattern NUMBER = Pattern.compile("[0-9]+");

  /**
   * The score of a completion.
   *
   * @param answers right answers, at least one
   * @return 1 for a right one and 0 for a wrong one; something between with {@link #CONTAINS_ALL}
   *     and {@link #SHARE_OF_NUMBERS}
   */
  public double score(String completion, List<String> answers) {
    DoubleStream scores = answers.stream().mapToDouble(answer -> score(completion, answer));
    return (this == CONTAINS_ALL ? scores.average() : scores.max()).orElse(0);
  }

  private double score(String completion, String answer) {
    return switch (this) {
      case CONTAINS_ANY -> whole(completion.contains(answer));
      case FIRST_LINE_CONTAINS_ANY ->
          whole(contains(completion.strip().lines().findFirst().orElse(""), answer));
      case CONTAINS_ALL -> whole(contains(completion, answer));
      case FIRST_NUMBER -> whole(number(completion, true).equals(answer));
      case LAST_NUMBER -> whole(number(completion, false).equals(answer));
      case SHARE_OF_NUMBERS -> share(completion, answer);
      case WORD ->
          whole(
              List.of(completion.replaceAll("[:\"'.,?!{}\n]", " ").split(" +", -1))
                  .contains(answer));
      case STARTS_WITH -> whole(completion.stripLeading().startsWith(answer));
    };
  }

  private static double whole(boolean right) {
    return right ? 1 : 0;
  }

  private static boolean contains(String completion, String answer) {
    return completion.toLowerCase(Locale.ROOT).contains(answer.toLowerCase(Locale.ROOT));
  }

  private static double share(String completion, String answer) {
    List<String> numbers = NUMBER.matcher(completion).results().map(MatchResult::group).toList();
    String right = number(answer, true);
    return numbers.isEmpty() ? 0 : (double) Collections.frequency(numbers, right) / numbers.size();
  }

  private static String number(String completion, boolean first) {
    Matcher matcher = NUMBER.matcher(completion);
    String number = "";
    while (matcher.find() && (number.isEmpty() || !first)) {
      number = matcher.group();
    }
    return number;
  }
}
