package dev.mneme.benchmarks.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.mneme.benchmarks.report.RecallTable.Line;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RunHeader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RecallTableTest {

  @Test
  void comparesModesOnTheSamePrompts() {
    List<RecallRow> rows = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      rows.add(row("a" + i, "passkey", 4090, "memory", i < 9 ? 1 : 0, 0.1 * i));
      rows.add(row("a" + i, "passkey", 4100, "sinks", i < 2 || i == 9 ? 1 : 0, 0.1 * i));
    }
    List<Line> lines = RecallTable.of(rows).lines();
    assertThat(lines).extracting(line -> line.cell().mode()).containsExactly("memory", "sinks");
    assertThat(lines).extracting(line -> line.cell().lengthText()).containsOnly("4k");
    assertThat(lines.get(0).score().mean()).isEqualTo(0.9);
    assertThat(lines.get(0).against()).isEmpty();
    assertThat(lines.get(1).against()).contains(new McNemar(7, 1));
    assertThat(lines).noneMatch(Line::beyondModel);
  }

  /** As in a plan with an axis: every row has settings. */
  @Test
  void comparesModesOfTheSameSettingsAndMemoriesOfDifferentOnes() {
    List<RecallRow> rows = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      for (String settings : List.of("k=4", "k=8")) {
        int right = settings.equals("k=4") ? 4 : 9;
        rows.add(row(settings, "a" + i, 4096, "memory", i < right ? 1 : 0));
        rows.add(row(settings, "a" + i, 4096, "full", i < 6 ? 1 : 0));
      }
      rows.add(row("k=8", "b" + i, 4096, "sinks", 0));
    }
    List<Line> lines = RecallTable.of(rows).lines();
    assertThat(lines)
        .extracting(line -> line.cell().mode() + " " + line.cell().settings())
        .containsExactly("full k=4", "full k=8", "memory k=4", "memory k=8", "sinks k=8");
    assertThat(lines.get(0).against()).contains(new McNemar(0, 2));
    assertThat(lines.get(1).against()).contains(new McNemar(3, 0));
    assertThat(lines.get(2).against()).isEmpty();
    assertThat(lines.get(3).against()).contains(new McNemar(0, 5));
    assertThat(lines.get(4).against()).as("no prompt in common").isEmpty();
    assertThat(lines).allMatch(Line::beyondModel);
  }

  private static RecallRow row(String settings, String id, int length, String mode, double score) {
    return new RecallRow(
        "1f", settings, id, "passkey", length, 0.5, mode, score, "x", 0.5, 100, 10, 1L << 30);
  }

  @Test
  void whatTheModelCannotDoIsMarkedAndNotAveraged() {
    List<RecallRow> rows = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      rows.add(row("e" + i, "easy", 512, "full", i < 7 ? 1 : 0, 0.5));
      rows.add(row("e" + i, "easy", 512, "memory", 1, 0.5));
      rows.add(row("h" + i, "hard", 512, "full", i < 6 ? 1 : 0, 0.5));
      rows.add(row("h" + i, "hard", 512, "memory", 0, 0.5));
    }
    RecallTable table = RecallTable.of(rows);
    assertThat(table.lines())
        .allMatch(line -> line.beyondModel() == line.cell().task().equals("hard"));
    assertThat(table.means()).isEqualTo(Map.of("full", 0.7, "memory", 1.0));
    assertThat(String.join("\n", table.text()))
        .containsPattern("hard +0.5k  memory .* beyond the model");
  }

  @Test
  void partsCountInTheScoreAndNotAsHits() {
    RecallTable table =
        RecallTable.of(
            List.of(
                row("a", "vt", 1024, "memory", 0.25, null),
                row("b", "vt", 1024, "memory", 1, null)));
    assertThat(table.lines())
        .singleElement()
        .satisfies(line -> assertThat(line.score().mean()).isEqualTo(0.625))
        .satisfies(line -> assertThat(line.score().hits()).isEqualTo(1));
  }

  @Test
  void drawsDepthOverLength() throws IOException {
    List<RecallRow> rows =
        List.of(
            row("a", "passkey", 1024, "memory", 1, 0.05),
            row("b", "passkey", 1024, "memory", 0, 0.95),
            row("c", "passkey", 2048, "memory", 1, 0.05));
    RecallHeatmap heatmap = RecallHeatmap.of("pass key", rows);
    assertThat(heatmap.lengths()).containsExactly("1k", "2k");
    assertThat(heatmap.depths()).containsExactly("95", "5");
    assertThat(heatmap.scores()).containsExactly(List.of(0.0, 1.0), List.of(Double.NaN, 1.0));
    assertThat(ImageIO.read(new ByteArrayInputStream(heatmap.png())).getWidth()).isGreaterThan(300);
    assertThat(new String(heatmap.svg(), UTF_8)).startsWith("<?xml").contains("<svg", "</svg>");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RecallHeatmap.of("", List.of(row("a", "cwe", 1024, "memory", 1, null))));
  }

  @Test
  void aLengthWithDepthsOfItsOwnShowsTheNearest() {
    List<RecallRow> rows =
        List.of(
            row("a", "passkey", 1024, "memory", 1, 0.0),
            row("b", "passkey", 1024, "memory", 0, 0.5),
            row("c", "passkey", 1024, "memory", 1, 1.0),
            row("d", "passkey", 2048, "memory", 0, 0.2),
            row("e", "passkey", 2048, "memory", 1, 0.9));
    RecallHeatmap heatmap = RecallHeatmap.of("pass key", rows);
    assertThat(heatmap.depths()).containsExactly("100", "50", "0");
    assertThat(heatmap.scores()).containsExactly(List.of(1.0, 0.0, 1.0), List.of(1.0, 0.0, 0.0));
  }

  @Test
  void onePageHasItAll() throws IOException {
    List<RecallRow> rows = List.of(row("a<b", "passkey", 1024, "memory", 1, 0.05));
    RunHeader header =
        new RunHeader(
            "1f",
            "2026-01-01T00:00:00Z",
            "recall",
            Map.of("name", "m"),
            "topK: 8",
            Map.of(),
            Map.of());
    assertThat(HtmlReport.of(rows, List.of(header)))
        .contains("1 of 1", "data:image/svg+xml;base64,", "a&lt;b", "run 1f", "| topK: 8")
        .doesNotContain("a<b", "http://", "<script");
  }

  private static RecallRow row(
      String id, String task, int length, String mode, double score, @Nullable Double depth) {
    return new RecallRow(
        "1f", "", id, task, length, depth, mode, score, "x", 0.5, 100, 10, 1L << 30);
  }
}
