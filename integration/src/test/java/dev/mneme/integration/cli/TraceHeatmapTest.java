package dev.mneme.integration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.mneme.Trace;
import dev.mneme.Trace.Block;
import dev.mneme.Trace.Choice;
import dev.mneme.Trace.Step;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceHeatmapTest {

  private static final int DARKEST = 0xff3b0f4f;

  @TempDir private Path folder;

  @Test
  void averagesOverTheTokensAndLeavesOutWhatWasNeverChosen() {
    Trace trace =
        new Trace(
            2,
            blocks(2),
            List.of(
                new Step(1, 90, "a", List.of(List.of(choice(0, 0.25f)), List.of(choice(1, 1)))),
                new Step(2, 91, "b", List.of(List.of(choice(0, 0.75f)), List.of(choice(0, 0))))));
    TraceHeatmap heatmap = TraceHeatmap.of(trace);
    assertThat(heatmap.blocks()).isEqualTo(blocks(2));
    assertThat(heatmap.attention()).containsExactly(List.of(0.5, Double.NaN), List.of(0.0, 0.5));
  }

  @Test
  void keepsTheMostAttendedColumnsInTheOrderOfTheText() {
    List<Choice> choices =
        IntStream.range(0, 60).mapToObj(block -> choice(block, block % 5 == 0 ? 0 : 1)).toList();
    Trace trace = new Trace(1, blocks(60), List.of(new Step(1, 90, "a", List.of(choices))));
    TraceHeatmap heatmap = TraceHeatmap.of(trace);
    assertThat(heatmap.blocks())
        .extracting(Block::number)
        .isEqualTo(IntStream.range(0, 60).filter(block -> block % 5 != 0).boxed().toList());
    assertThat(heatmap.chosen()).isEqualTo(60);
  }

  @Test
  void drawsTheMostAttendedCellAsLargeAsTheOthersAndDarkest() throws IOException {
    Trace trace =
        new Trace(
            1,
            blocks(3),
            List.of(
                new Step(
                    1, 90, "a", List.of(List.of(choice(0, 0), choice(1, 0.5f), choice(2, 1))))));
    Path file = folder.resolve("trace.png");
    TraceHeatmap.of(trace).write(file);
    BufferedImage image = ImageIO.read(file.toFile());
    int width = image.getWidth();
    long darkest =
        IntStream.range(0, width * image.getHeight())
            .filter(i -> image.getRGB(i % width, i / width) == DARKEST)
            .count();
    assertThat(darkest).isBetween(1000L, (long) width * image.getHeight() / 3);
  }

  @Test
  void refusesToDrawNothing() {
    Trace trace = new Trace(1, List.of(), List.of(new Step(1, 9, "a", List.of(List.of()))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TraceHeatmap.of(trace))
        .withMessage("nothing to draw: the answer attended no far memory");
  }

  private static List<Block> blocks(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new Block(i, 64 * i, 64 * i + 64, "text " + i))
        .toList();
  }

  private static Choice choice(int block, float attention) {
    return new Choice(block, 1, attention);
  }
}
