package dev.mneme.benchmarks.recall;

import dev.mneme.benchmarks.task.RecallRow;
import java.util.Locale;

/** A result of a recall run as text. */
final class RecallSummary {

  private RecallSummary() {}

  /** One result as a line. */
  static String line(RecallRow row) {
    Double depth = row.depth();
    Double found = row.needleFoundShare();
    return String.format(
        Locale.ROOT,
        "%-4s %-7s %6d tokens  depth %s  found %s  %5.0f tokens/s  %5.1f ms/token  %5d MiB  %s  \"%s\"",
        row.isHit() ? "hit" : row.score() == 0 ? "miss" : "part",
        row.mode(),
        row.lengthTokens(),
        depth == null ? "   -" : String.format(Locale.ROOT, "%.2f", depth),
        found == null ? "   -" : String.format(Locale.ROOT, "%.2f", found),
        row.prefillTokensPerSecond(),
        row.decodeMsPerToken(),
        row.peakResidentBytes() >> 20,
        row.id(),
        row.completion().replace("\n", "\\n"));
  }
}
