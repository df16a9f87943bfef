package dev.mneme.benchmarks.report;

import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RunHeader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mneme report}: what results of {@code mneme recall} say. */
@Command(
    name = "report",
    description =
        "Sums results of 'mneme recall --json' up: a table, heatmaps, a page of all of it.",
    mixinStandardHelpOptions = true)
public final class ReportCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE.jsonl", arity = "1..*", description = "results")
  private List<Path> files;

  @Option(names = "--html", paramLabel = "FILE", description = "write the page to FILE")
  private @Nullable Path html;

  @Option(
      names = "--pictures",
      paramLabel = "FOLDER",
      description = "write each heatmap to FOLDER, as PNG and as SVG")
  private @Nullable Path pictures;

  @Override
  public Integer call() throws IOException {
    Map<List<String>, RecallRow> asked = new LinkedHashMap<>();
    List<RunHeader> headers = new ArrayList<>();
    Map<Cell, RunHeader> cells = new HashMap<>();
    for (Path file : files) {
      if (!Files.exists(file)) {
        throw new NoSuchFileException(file.toString());
      }
      Map<String, RunHeader> runs = new HashMap<>();
      for (RunHeader header : RunHeader.readAll(file)) {
        runs.put(header.run(), header);
        headers.add(header);
      }
      for (RecallRow row : RecallRow.readAll(file)) {
        RecallRow other =
            asked.putIfAbsent(List.of(row.task(), row.id(), row.mode(), row.settings()), row);
        if (other != null && !other.equals(row)) {
          throw new IOException(
              "%s: %s in mode %s has another result already: report the two apart"
                  .formatted(file, row.id(), row.mode()));
        }
        RunHeader run = runs.get(row.run());
        String difference =
            run == null ? "" : run.difference(cells.computeIfAbsent(Cell.of(row), first -> run));
        if (!difference.isEmpty()) {
          throw new IOException(
              "%s: %s in mode %s has another model, text or configuration (%s) than"
                      .formatted(file, row.id(), row.mode(), difference)
                  + " results it would be summed up with: report the two apart");
        }
      }
    }
    List<RecallRow> rows = List.copyOf(asked.values());
    if (rows.isEmpty()) {
      throw new IOException("no results in " + files);
    }
    PrintWriter out = spec.commandLine().getOut();
    RecallTable.of(rows).text().forEach(out::println);
    if (html != null) {
      Files.writeString(html, HtmlReport.of(rows, headers));
    }
    if (pictures != null) {
      Files.createDirectories(pictures);
      for (RecallHeatmap heatmap : RecallHeatmap.all(rows)) {
        String name = heatmap.title().replaceAll("[^A-Za-z0-9._=-]+", "-");
        Files.write(pictures.resolve(name + ".png"), heatmap.png());
        Files.write(pictures.resolve(name + ".svg"), heatmap.svg());
      }
    }
    out.flush();
    return 0;
  }
}
