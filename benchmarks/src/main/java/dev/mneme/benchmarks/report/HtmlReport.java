package dev.mneme.benchmarks.report;

import com.google.common.html.HtmlEscapers;
import dev.mneme.benchmarks.report.RecallTable.Line;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RunHeader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * One page with everything: the table, a heatmap for each task, mode and settings, the answers, and
 * how the results came to be. It needs no other file and runs no script.
 */
final class HtmlReport {

  private static final String STYLE =
      """
      body { font: 15px/1.45 system-ui, sans-serif; max-width: 76em; margin: 2em auto; padding: 0 1em; color: #222; }
      table { border-collapse: collapse; margin: 1em 0; }
      th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top; }
      th { border-bottom: 2px solid #888; }
      td.text, th.text { text-align: left; }
      tr.beyond td { color: #999; }
      figure { display: inline-block; margin: .5em; }
      figure img { max-width: 100%; height: auto; }
      pre { background: #f6f6f6; padding: .8em; overflow-x: auto; }
      details { margin: .5em 0; }
      """;

  private final StringBuilder page = new StringBuilder();

  private HtmlReport() {}

  /**
   * Writes the page.
   *
   * @param rows results, at least one
   * @param headers how they came to be
   */
  static String of(List<RecallRow> rows, List<RunHeader> headers) throws IOException {
    HtmlReport report = new HtmlReport();
    report.page.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    report.page.append("<title>Mneme: recall</title>\n<style>").append(STYLE);
    report.page.append("</style></head>\n<body>\n<h1>Recall</h1>\n");
    report.table(RecallTable.of(rows));
    report.heatmaps(rows);
    report.answers(rows);
    report.runs(headers);
    report.page.append("</body></html>\n");
    return report.page.toString();
  }

  private void table(RecallTable table) {
    page.append("<table>\n<tr>");
    for (String name : List.of("task", "tokens", "mode", "settings")) {
      page.append("<th class=\"text\">").append(name).append("</th>");
    }
    for (String name :
        List.of(
            "score %",
            "right",
            "95 % interval",
            "needle found",
            "memory alone / this alone, p",
            "tokens/s",
            "ms/token",
            "peak MiB")) {
      page.append("<th>").append(name).append("</th>");
    }
    page.append("</tr>\n");
    for (Line line : table.lines()) {
      Cell cell = line.cell();
      Score score = line.score();
      page.append(line.beyondModel() ? "<tr class=\"beyond\">" : "<tr>");
      for (String text : List.of(cell.task(), cell.lengthText(), cell.mode(), cell.settings())) {
        page.append("<td class=\"text\">").append(escape(text)).append("</td>");
      }
      cell(String.format(Locale.ROOT, "%.1f", 100 * score.mean()));
      cell(String.format(Locale.ROOT, "%d of %d", score.hits(), score.samples()));
      cell(
          String.format(
              Locale.ROOT,
              "%.1f to %.1f",
              100 * score.interval().low(),
              100 * score.interval().high()));
      if (score.found().isPresent()) {
        cell(String.format(Locale.ROOT, "%.2f", score.found().getAsDouble()));
      } else {
        cell("");
      }
      if (line.against().isPresent()) {
        McNemar pair = line.against().get();
        cell(
            String.format(
                Locale.ROOT, "%d / %d, %.2f", pair.onlyFirst(), pair.onlySecond(), pair.p()));
      } else {
        cell("");
      }
      cell(String.format(Locale.ROOT, "%.0f", score.prefill()));
      cell(String.format(Locale.ROOT, "%.1f", score.decode()));
      cell(String.format(Locale.ROOT, "%d", score.peakBytes() >> 20));
      page.append("</tr>\n");
    }
    page.append("</table>\n<p>");
    table
        .means()
        .forEach((mode, mean) ->
            page.append("Mean score of ")
                .append(escape(mode))
                .append(String.format(Locale.ROOT, ": %.1f %%.<br>", 100 * mean)));
    page.append(
        String.format(
            Locale.ROOT,
            "Grey: the uncut model scores less than %.0f %% there, so that the memory cannot be told"
                + " from the model; not in the means. Intervals are Wilson's, p is McNemar's exact"
                + " test on the same prompts. A needle is found where a layer sees all of it when"
                + " the answer begins.</p>%n",
            100 * RecallTable.GATE));
  }

  private void cell(String text) {
    page.append("<td>").append(text).append("</td>");
  }

  private void heatmaps(List<RecallRow> rows) throws IOException {
    for (RecallHeatmap heatmap : RecallHeatmap.all(rows)) {
      page.append("<figure><img alt=\"")
          .append(escape(heatmap.title()))
          .append("\" src=\"data:image/svg+xml;base64,")
          .append(Base64.getEncoder().encodeToString(heatmap.svg()))
          .append("\"></figure>\n");
    }
  }

  /** Rows by what one picture shows, which is also its title. */
  static SortedMap<String, List<RecallRow>> groups(List<RecallRow> rows) {
    return rows.stream()
        .collect(
            Collectors.groupingBy(
                row -> (row.task() + ", " + row.mode() + " " + row.settings()).strip(),
                TreeMap::new,
                Collectors.toList()));
  }

  private void answers(List<RecallRow> rows) {
    groups(rows)
        .forEach((title, group) -> {
          page.append("<details><summary>Answers: ").append(escape(title)).append("</summary>");
          page.append("<table>\n");
          for (RecallRow row : group) {
            page.append("<tr><td class=\"text\">").append(escape(row.id())).append("</td>");
            cell(String.format(Locale.ROOT, "%.2f", row.score()));
            page.append("<td class=\"text\">").append(escape(row.completion()));
            page.append("</td></tr>\n");
          }
          page.append("</table></details>\n");
        });
  }

  private void runs(List<RunHeader> headers) {
    page.append("<h2>How these results came to be</h2>\n");
    List<String> lines = new ArrayList<>();
    for (RunHeader header : headers) {
      lines.add("run " + header.run() + ", started " + header.started());
      lines.add("mneme " + header.command());
      header.model().forEach((name, value) -> lines.add("  model " + name + ": " + value));
      header.versions().forEach((name, value) -> lines.add("  " + name + ": " + value));
      header.machine().forEach((name, value) -> lines.add("  " + name + ": " + value));
      header.configuration().lines().forEach(line -> lines.add("  | " + line));
      lines.add("");
    }
    page.append("<pre>").append(escape(String.join("\n", lines))).append("</pre>\n");
  }

  private static String escape(String text) {
    return HtmlEscapers.htmlEscaper().escape(text);
  }
}
