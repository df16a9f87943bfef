package dev.mneme.benchmarks.report;

import dev.mneme.benchmarks.task.RecallRow;
import java.awt.Color;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.style.HeatMapStyler;

/**
 * The picture that the field knows: a column for each length, a row for each depth with the start
 * of the text at the top, red where nothing was answered and green where all was.
 *
 * @param title of the picture
 * @param lengths of the columns, as people write them
 * @param depths of the rows in percent, the deepest first, as charts begin at the bottom
 * @param scores by column and row, from 0 to 1; NaN where nothing was asked
 */
public record RecallHeatmap(
    String title, List<String> lengths, List<String> depths, List<List<Double>> scores) {

  /** Those of the needle in a haystack as first published (Kamradt). */
  private static final Color[] COLOURS = {
    new Color(0xF0496E), new Color(0xEBB839), new Color(0x0CD79F)
  };

  private static final int CELL_WIDTH = 60;
  private static final int CELL_HEIGHT = 24;
  private static final int MARGIN_WIDTH = 260;
  private static final int MARGIN_HEIGHT = 150;

  /** A picture of each task, mode and settings whose rows have depths. */
  static List<RecallHeatmap> all(List<RecallRow> rows) {
    List<RecallHeatmap> all = new ArrayList<>();
    HtmlReport.groups(rows)
        .forEach((title, group) -> {
          if (group.stream().anyMatch(row -> row.depth() != null)) {
            all.add(of(title, group));
          }
        });
    return all;
  }

  /**
   * Draws rows of one task, mode and settings. The depths are those of the length that has most of
   * them; a length with others shows the nearest of its own in each row.
   *
   * @throws IllegalArgumentException if none of them has a depth
   */
  public static RecallHeatmap of(String title, List<RecallRow> rows) {
    SortedMap<Integer, String> lengths = new TreeMap<>();
    SortedMap<Integer, SortedMap<Double, List<RecallRow>>> columns = new TreeMap<>();
    for (RecallRow row : rows) {
      if (row.depth() != null) {
        Cell cell = Cell.of(row);
        lengths.put(cell.length(), cell.lengthText());
        columns
            .computeIfAbsent(cell.length(), length -> new TreeMap<>(Comparator.reverseOrder()))
            .computeIfAbsent(row.depth(), depth -> new ArrayList<>())
            .add(row);
      }
    }
    if (columns.isEmpty()) {
      throw new IllegalArgumentException("nothing to draw: no result has a depth");
    }
    Set<Double> depths =
        Collections.max(columns.values(), Comparator.comparingInt(Map::size)).keySet();
    return new RecallHeatmap(
        title,
        List.copyOf(lengths.values()),
        depths.stream().map(depth -> String.format(Locale.ROOT, "%.0f", 100 * depth)).toList(),
        columns.values().stream().map(column -> scores(column, depths)).toList());
  }

  private static List<Double> scores(Map<Double, List<RecallRow>> column, Set<Double> depths) {
    boolean ofItsOwn = !depths.containsAll(column.keySet());
    List<Double> scores = new ArrayList<>();
    for (double depth : depths) {
      double shown =
          ofItsOwn
              ? Collections.min(
                  column.keySet(), Comparator.comparingDouble(own -> Math.abs(own - depth)))
              : depth;
      scores.add(
          column.getOrDefault(shown, List.of()).stream()
              .mapToDouble(RecallRow::score)
              .average()
              .orElse(Double.NaN));
    }
    return scores;
  }

  /** As a PNG image. */
  public byte[] png() throws IOException {
    return ChartEncoder.getBytes(chart(), "png");
  }

  /** As an SVG document. */
  public byte[] svg() throws IOException {
    return ChartEncoder.getBytes(chart(), "svg");
  }

  private HeatMapChart chart() {
    List<Number[]> cells = new ArrayList<>();
    for (int column = 0; column < lengths.size(); column++) {
      for (int row = 0; row < depths.size(); row++) {
        double score = scores.get(column).get(row);
        if (!Double.isNaN(score)) {
          cells.add(new Number[] {column, row, score});
        }
      }
    }
    HeatMapChart chart =
        new HeatMapChartBuilder()
            .width(MARGIN_WIDTH + CELL_WIDTH * Math.max(6, lengths.size()))
            .height(MARGIN_HEIGHT + CELL_HEIGHT * Math.max(8, depths.size()))
            .title(title)
            .xAxisTitle("tokens")
            .yAxisTitle("depth of the needle, %")
            .build();
    HeatMapStyler style = chart.getStyler();
    style.setRangeColors(COLOURS);
    style.setMin(0).setMax(1);
    style.setPlotGridLinesVisible(false);
    style.setChartBackgroundColor(Color.WHITE);
    style.setXAxisMaxLabelCount(Math.max(2, lengths.size()));
    chart.addSeries("score", lengths, depths, cells);
    return chart;
  }
}
