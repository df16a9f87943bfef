package dev.mneme.integration.cli;

import dev.mneme.Trace;
import dev.mneme.Trace.Block;
import dev.mneme.Trace.Choice;
import dev.mneme.Trace.Step;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.style.HeatMapStyler;

/**
 * A picture of what an answer was read from: a column for each far block that was chosen, a row for
 * each layer, the first layer at the bottom. The colour is the attention that the block received in
 * that layer, averaged over the answer's tokens; a cell is left white where it was never chosen.
 *
 * @param blocks the columns, in the order of the text
 * @param attention row-major {@code [layers, columns]}; NaN where a layer never chose a block
 * @param chosen number of blocks that were chosen, of which the columns are the most attended
 * @param tokens tokens of the answer
 */
record TraceHeatmap(List<Block> blocks, List<List<Double>> attention, int chosen, int tokens) {

  /** More columns than this could not be told apart. */
  private static final int MOST_COLUMNS = 48;

  private static final int CELL_WIDTH = 22;
  private static final int CELL_HEIGHT = 20;
  private static final int LEAST_COLUMNS = 28;
  private static final int LEAST_ROWS = 16;
  private static final int MARGIN_WIDTH = 230;
  private static final int MARGIN_HEIGHT = 190;

  /** Light to dark, each darker than the one before also without colour. */
  private static final Color[] COLOURS = {
    new Color(0xfdf3d8),
    new Color(0xfdbb63),
    new Color(0xe8603c),
    new Color(0xa11f4e),
    new Color(0x3b0f4f)
  };

  /**
   * Summarises a trace.
   *
   * @throws IllegalArgumentException if no far block was chosen
   */
  static TraceHeatmap of(Trace trace) {
    if (trace.blocks().isEmpty()) {
      throw new IllegalArgumentException("nothing to draw: the answer attended no far memory");
    }
    int layers = trace.layers();
    int last = trace.blocks().getLast().number();
    double[][] sums = new double[last + 1][layers];
    boolean[][] seen = new boolean[last + 1][layers];
    for (Step step : trace.steps()) {
      for (int layer = 0; layer < layers; layer++) {
        for (Choice choice : step.layers().get(layer)) {
          sums[choice.block()][layer] += choice.attention();
          seen[choice.block()][layer] = true;
        }
      }
    }
    List<Block> columns =
        trace.blocks().stream()
            .sorted(
                Comparator.comparingDouble(block ->
                    -IntStream.range(0, layers).mapToDouble(i -> sums[block.number()][i]).sum()))
            .limit(MOST_COLUMNS)
            .sorted(Comparator.comparingInt(Block::number))
            .toList();
    List<List<Double>> rows = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      int layer = i;
      rows.add(
          columns.stream()
              .map(block ->
                  seen[block.number()][layer]
                      ? sums[block.number()][layer] / trace.steps().size()
                      : Double.NaN)
              .toList());
    }
    return new TraceHeatmap(columns, rows, trace.blocks().size(), trace.steps().size());
  }

  /** Draws it as a PNG file; needs no display. */
  void write(Path file) throws IOException {
    Files.write(file, ChartEncoder.getBytes(chart(), "png"));
  }

  private HeatMapChart chart() {
    List<Number[]> cells = new ArrayList<>();
    double most = 0;
    for (int layer = 0; layer < attention.size(); layer++) {
      for (int column = 0; column < blocks.size(); column++) {
        double value = attention.get(layer).get(column);
        if (!Double.isNaN(value)) {
          cells.add(new Number[] {column, layer, value});
          most = Math.max(most, value);
        }
      }
    }
    HeatMapChart chart =
        new HeatMapChartBuilder()
            .width(MARGIN_WIDTH + CELL_WIDTH * Math.max(LEAST_COLUMNS, blocks.size()))
            .height(MARGIN_HEIGHT + CELL_HEIGHT * Math.max(LEAST_ROWS, attention.size()))
            .title(title())
            .xAxisTitle("far block, by its first token")
            .yAxisTitle("layer")
            .build();
    HeatMapStyler style = chart.getStyler();
    style.setRangeColors(COLOURS);
    // The legend writes all digits of the scale's end: two are enough.
    style.setMin(0).setMax(Math.max(1, Math.ceil(100 * most)) / 100);
    style.setPlotGridLinesVisible(false);
    style.setChartBackgroundColor(Color.WHITE);
    style.setXAxisLabelRotation(90);
    style.setXAxisMaxLabelCount(blocks.size());
    chart.addSeries(
        "attention",
        blocks.stream().map(block -> String.format(Locale.ROOT, "%,d", block.from())).toList(),
        IntStream.range(0, attention.size()).boxed().toList(),
        cells);
    return chart;
  }

  private String title() {
    String which =
        chosen == blocks.size()
            ? "the %d far blocks chosen".formatted(chosen)
            : "the %d most attended of %d far blocks chosen".formatted(blocks.size(), chosen);
    return "Attention of %d answer tokens to %s".formatted(tokens, which);
  }
}
