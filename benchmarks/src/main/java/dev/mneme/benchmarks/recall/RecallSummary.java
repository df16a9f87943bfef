package dev.mneme.benchmarks.recall;

import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.Wilson;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Results of a recall run as text. */
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

  /** Hits by mode, task and length (rounded to half a thousand tokens), and by mode over all. */
  static List<String> lines(List<RecallRow> rows) {
    Map<String, List<RecallRow>> groups =
        rows.stream()
            .collect(
                Collectors.groupingBy(
                    row ->
                        String.format(
                            Locale.ROOT,
                            "%-7s %-10s %6.1fk",
                            row.mode(),
                            row.task(),
                            Math.round(row.lengthTokens() / 512.0) / 2.0),
                    TreeMap::new,
                    Collectors.toList()));
    Map<String, List<RecallRow>> totals =
        rows.stream()
            .collect(
                Collectors.groupingBy(
                    row -> String.format(Locale.ROOT, "%-7s %-18s", row.mode(), "all"),
                    TreeMap::new,
                    Collectors.toList()));
    List<String> lines = new ArrayList<>();
    groups.forEach((name, group) -> lines.add(score(name, group)));
    totals.forEach((name, group) -> lines.add(score(name, group)));
    return lines;
  }

  private static String score(String name, List<RecallRow> rows) {
    int hits = (int) rows.stream().filter(RecallRow::isHit).count();
    Wilson interval = Wilson.of(hits, rows.size());
    return String.format(
        Locale.ROOT,
        "%s  %4d of %4d  %5.1f %%  (95 %%: %.1f to %.1f)",
        name,
        hits,
        rows.size(),
        100.0 * hits / rows.size(),
        100 * interval.low(),
        100 * interval.high());
  }
}
