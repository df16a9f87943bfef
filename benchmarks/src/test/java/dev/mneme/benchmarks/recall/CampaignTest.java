package dev.mneme.benchmarks.recall;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.base.Ticker;
import dev.mneme.benchmarks.task.Prompt;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.benchmarks.task.Scoring;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CampaignTest {

  private static final long SECOND = 1_000_000_000;

  private long now;

  private final Ticker ticker =
      new Ticker() {
        @Override
        public long read() {
          return now;
        }
      };

  @Test
  void aContextCostsAsMuchAsItIsLong() {
    Campaign campaign = new Campaign(samples("ab", "abcd", "abcdefgh"), ticker);
    now += 10 * SECOND;
    assertThat(campaign.next()).isEqualTo("  [1 of 3, 1:00 left]");
    now += 14 * SECOND;
    assertThat(campaign.next()).isEqualTo("  [2 of 3, 0:32 left]");
    now += 32 * SECOND;
    assertThat(campaign.next()).isEmpty();
  }

  @Test
  void aContextThatWasReadIsNotCountedAgain() {
    Campaign campaign = new Campaign(samples("ab", "ab", "ab", "ab"), ticker);
    now += 3600 * SECOND;
    assertThat(campaign.next()).as("what a question costs is not known").isEqualTo("  [1 of 4]");
    now += 5 * SECOND;
    assertThat(campaign.next()).isEqualTo("  [2 of 4, 0:10 left]");
  }

  private static List<Sample> samples(String... contexts) {
    return Stream.of(contexts)
        .map(context ->
            new Sample(
                "sample",
                "task",
                new Prompt(context, List.of(), "question", "", List.of("answer")),
                Scoring.CONTAINS_ANY,
                1,
                null))
        .toList();
  }
}
