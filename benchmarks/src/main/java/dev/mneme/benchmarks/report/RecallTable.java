package dev.mneme.benchmarks.report;

import dev.mneme.benchmarks.task.RecallRow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Results summed up by task, length, mode and settings.
 *
 * <p>Where the uncut model answers fewer than 70 % of a task at a length, the model itself is the
 * limit: such cells are marked and count in no mean.
 */
public final class RecallTable {

  /** Share of samples that the uncut model must answer for a cell to say anything of a memory. */
  public static final double GATE = 0.7;

  /** The mode that others are compared with. */
  private static final String MEMORY = "memory";

  private final SortedMap<Cell, List<RecallRow>> cells;

  private RecallTable(SortedMap<Cell, List<RecallRow>> cells) {
    this.cells = cells;
  }

  /** Sums rows up. */
  public static RecallTable of(List<RecallRow> rows) {
    return new RecallTable(
        rows.stream().collect(Collectors.groupingBy(Cell::of, TreeMap::new, Collectors.toList())));
  }

  /**
   * A line of the table.
   *
   * @param cell which samples
   * @param score what came of them
   * @param beyondModel whether the uncut model answers too few of them
   * @param against the memory of the same settings, or where this is a memory that of the first
   *     ones, first, and this, second, on the prompts that both were asked; empty where there are
   *     none
   */
  public record Line(Cell cell, Score score, boolean beyondModel, Optional<McNemar> against) {}

  /** All lines, by task, length, mode and settings. */
  public List<Line> lines() {
    List<Line> lines = new ArrayList<>();
    cells.forEach((cell, rows) ->
        lines.add(new Line(cell, Score.of(rows), isBeyondModel(cell), against(cell, rows))));
    return lines;
  }

  /** The mean score of each mode over its cells that are not beyond the model. */
  public SortedMap<String, Double> means() {
    return lines().stream()
        .filter(line -> !line.beyondModel())
        .collect(
            Collectors.groupingBy(
                line -> (line.cell().mode() + " " + line.cell().settings()).strip(),
                TreeMap::new,
                Collectors.averagingDouble(line -> line.score().mean())));
  }

  /** Rows of a cell. */
  List<RecallRow> rows(Cell cell) {
    return cells.getOrDefault(cell, List.of());
  }

  /** Cells of the same prompts in a mode. */
  private Stream<Cell> others(Cell cell, String mode) {
    return cells.keySet().stream()
        .filter(other -> other.isAsLongAs(cell) && other.mode().equals(mode));
  }

  private boolean isBeyondModel(Cell cell) {
    List<RecallRow> full = others(cell, "full").map(this::rows).flatMap(List::stream).toList();
    return !full.isEmpty() && Score.of(full).mean() < GATE;
  }

  private Optional<McNemar> against(Cell cell, List<RecallRow> rows) {
    Cell reference =
        others(cell, MEMORY)
            .filter(other -> cell.mode().equals(MEMORY) || other.settings().equals(cell.settings()))
            .findFirst()
            .orElse(cell);
    if (reference.equals(cell)) {
      return Optional.empty();
    }
    Map<String, Boolean> hits = new HashMap<>();
    rows(reference).forEach(row -> hits.put(row.id(), row.isHit()));
    if (rows.stream().noneMatch(row -> hits.containsKey(row.id()))) {
      return Optional.empty();
    }
    int onlyMemory = 0;
    int onlyThis = 0;
    for (RecallRow row : rows) {
      Boolean hit = hits.get(row.id());
      if (hit != null && hit != row.isHit()) {
        if (hit) {
          onlyMemory++;
        } else {
          onlyThis++;
        }
      }
    }
    return Optional.of(new McNemar(onlyMemory, onlyThis));
  }

  /** The table as lines of text. */
  public List<String> text() {
    List<String> text = new ArrayList<>();
    for (Line line : lines()) {
      Score score = line.score();
      Wilson interval = score.interval();
      text.add(
          String.format(
              Locale.ROOT,
              "%-16s %6s  %-7s  score %5.1f %%  %3d of %3d right (95 %%: %.1f to %.1f)  found %s%s%s%s",
              line.cell().task(),
              line.cell().lengthText(),
              line.cell().mode(),
              100 * score.mean(),
              score.hits(),
              score.samples(),
              100 * interval.low(),
              100 * interval.high(),
              score.found().isEmpty()
                  ? "   -"
                  : String.format(Locale.ROOT, "%.2f", score.found().getAsDouble()),
              line.against()
                  .map(pair ->
                      String.format(
                          Locale.ROOT,
                          "  memory alone %d, this alone %d (p %.2f)",
                          pair.onlyFirst(),
                          pair.onlySecond(),
                          pair.p()))
                  .orElse(""),
              line.beyondModel() ? "  beyond the model" : "",
              line.cell().settings().isEmpty() ? "" : "  " + line.cell().settings()));
    }
    means()
        .forEach((mode, mean) ->
            text.add(String.format(Locale.ROOT, "%-24s mean score %5.1f %%", mode, 100 * mean)));
    return text;
  }
}
