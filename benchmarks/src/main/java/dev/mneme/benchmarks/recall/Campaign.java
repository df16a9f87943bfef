package dev.mneme.benchmarks.recall;

import com.google.common.base.Ticker;
import dev.mneme.benchmarks.task.Sample;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * How much of a campaign is left.
 *
 * <p>A context costs as much as it is long. A question about the context of the question before
 * costs much less, as the context was read: some seconds, where reading may have taken an hour. The
 * time of either is taken from those that were asked. Not thread-safe.
 */
final class Campaign {

  private final List<Sample> samples;
  private final Ticker ticker;
  private final Cost reading = new Cost();
  private final Cost asking = new Cost();
  private int done;
  private long since;

  /**
   * Begins a campaign.
   *
   * @param samples in the order in which they are asked
   */
  Campaign(List<Sample> samples, Ticker ticker) {
    this.samples = samples;
    this.ticker = ticker;
    since = ticker.read();
    for (int i = 0; i < samples.size(); i++) {
      cost(i).left += size(i);
    }
  }

  /** Nanoseconds of what was done, and how much of it there is. */
  private static final class Cost {

    private long nanoseconds;
    private long done;
    private long left;

    boolean isKnown() {
      return left == 0 || done > 0;
    }

    double nanosecondsLeft() {
      return left == 0 ? 0 : (double) nanoseconds / done * left;
    }
  }

  private boolean isRead(int sample) {
    return sample > 0 && context(sample).equals(context(sample - 1));
  }

  private Cost cost(int sample) {
    return isRead(sample) ? asking : reading;
  }

  private long size(int sample) {
    return isRead(sample) ? 1 : Math.max(1, context(sample).length());
  }

  private String context(int sample) {
    return samples.get(sample).prompt().context();
  }

  /**
   * Counts the next sample as asked and tells what is left, as the end of a line; blank after the
   * last one, and without a time where nothing of a kind that is left was asked yet.
   */
  String next() {
    long now = ticker.read();
    Cost cost = cost(done);
    cost.nanoseconds += now - since;
    cost.done += size(done);
    cost.left -= size(done);
    since = now;
    done++;
    if (done == samples.size()) {
      return "";
    }
    if (!reading.isKnown() || !asking.isKnown()) {
      return String.format(Locale.ROOT, "  [%d of %d]", done, samples.size());
    }
    Duration left = Duration.ofNanos((long) (reading.nanosecondsLeft() + asking.nanosecondsLeft()));
    return String.format(
        Locale.ROOT,
        "  [%d of %d, %d:%02d left]",
        done,
        samples.size(),
        left.toMinutes(),
        left.toSecondsPart());
  }
}
