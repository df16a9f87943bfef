package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.Trace.Block;
import dev.mneme.Trace.Choice;
import dev.mneme.Trace.Step;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TraceTest {

  private static final Block FIRST = new Block(0, 4, 8, "first");
  private static final Block SECOND = new Block(1, 8, 12, "second");
  private static final Block NINTH = new Block(8, 36, 40, "ninth");

  @Test
  void ranksByAttentionOverAllTokensAndLayers() {
    Trace trace =
        new Trace(
            2,
            List.of(FIRST, SECOND, NINTH),
            List.of(
                step(List.of(choice(0, 0.125f), choice(8, 0.25f)), List.of(choice(0, 0.125f))),
                step(List.of(choice(0, 0.0625f)), List.of(choice(1, 0.5f), choice(8, 0.75f))),
                step(List.of(choice(0, 0.0625f)), List.of(choice(0, 0)))));

    List<Passage> passages = trace.passages();
    assertThat(passages).extracting(Passage::text).containsExactly("ninth", "second", "first");
    assertThat(passages.getFirst()).isEqualTo(new Passage(36, 40, 2 / 6.0, 1 / 6.0, "ninth"));
    assertThat(passages.get(1).share()).isCloseTo(1 / 6.0, within(1e-12));
    assertThat(passages.get(1).attention()).isCloseTo(0.5 / 6, within(1e-12));
    assertThat(passages.get(2).share()).isCloseTo(5 / 6.0, within(1e-12));
    assertThat(passages.get(2).attention()).isCloseTo(0.375 / 6, within(1e-12));
  }

  @Test
  void hasNoPassagesWhereNothingWasFar() {
    assertThat(new Trace(2, List.of(), List.of(step(List.of(), List.of()))).passages()).isEmpty();
    assertThat(new Trace(2, List.of(), List.of()).passages()).isEmpty();
  }

  @Test
  void stepsHaveAllLayers() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Trace(3, List.of(), List.of(step(List.of(), List.of()))))
        .withMessage("each step must have 3 layers: 2 at position 50");
  }

  @Test
  void keepsCopies() {
    List<Choice> layer = new ArrayList<>(List.of(choice(0, 1)));
    List<Step> steps = new ArrayList<>(List.of(new Step(7, 50, "x", List.of(layer))));
    Trace trace = new Trace(1, List.of(FIRST), steps);
    layer.clear();
    steps.clear();
    assertThat(trace.steps().getFirst().layers()).containsExactly(List.of(choice(0, 1)));
  }

  private static Step step(List<Choice> first, List<Choice> second) {
    return new Step(7, 50, "x", List.of(first, second));
  }

  private static Choice choice(int block, float attention) {
    return new Choice(block, 3, attention);
  }
}
