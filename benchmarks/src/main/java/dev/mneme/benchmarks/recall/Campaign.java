package dev.mneme.benchmarks.recall;

import java.time.Duration;
import java.util.Locale;

/** How much of a campaign is left. Not thread-safe. */
final class Campaign {

  private final int samples;
  private final long start = System.nanoTime();

  Campaign(int samples) {
    this.samples = samples;
  }

  /** What is left after some samples, as the end of a line; blank after the last one. */
  String left(int done) {
    if (done >= samples) {
      return "";
    }
    Duration left = Duration.ofNanos((System.nanoTime() - start) / done * (samples - done));
    return String.format(
        Locale.ROOT,
        "  [%d of %d, %d:%02d left]",
        done,
        samples,
        left.toMinutes(),
        left.toSecondsPart());
  }
}
