package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScoringTest {

  @ParameterizedTest
  @CsvSource({
    "FIRST_NUMBER, 71432, 71432, 1",
    "FIRST_NUMBER, ' is 71432.', 71432, 1",
    "FIRST_NUMBER, '7,1432', 71432, 0",
    "FIRST_NUMBER, 07143, 7143, 0",
    "FIRST_NUMBER, The 2 keys: 71432, 71432, 0",
    "FIRST_NUMBER, no number, 71432, 0",
    "LAST_NUMBER, line 5 … <123>, 123, 1",
    "LAST_NUMBER, line 123 … <5>, 123, 0",
    "SHARE_OF_NUMBERS, Paragraph 12, Paragraph 1, 0",
    "SHARE_OF_NUMBERS, Paragraph 1 or 2, Paragraph 1, 0.5",
    "SHARE_OF_NUMBERS, none, Paragraph 1, 0",
    "WORD, '\"a-b\".', a-b, 1",
    "WORD, a-bc, a-b, 0",
    "WORD, 'a: a-b', a-b, 1",
    "STARTS_WITH, ' 42, x', 42, 1",
    "STARTS_WITH, x 42, 42, 0",
    "CONTAINS_ANY, an 07143., 07143|Paris, 1",
    "CONTAINS_ANY, paris, 07143|Paris, 0",
    "FIRST_LINE_CONTAINS_ANY, in paris, Paris|Rome, 1",
    "CONTAINS_ALL, PARIS and Rome, Paris|rome, 1",
    "CONTAINS_ALL, paris, Paris|Rome, 0.5",
    "CONTAINS_ALL, '', Paris|Rome, 0"
  })
  void judgesAsPublished(Scoring scoring, String completion, String answers, double score) {
    assertThat(scoring.score(completion, List.of(answers.split("\\|", -1)))).isEqualTo(score);
  }
}
