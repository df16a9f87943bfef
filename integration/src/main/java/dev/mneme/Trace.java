package dev.mneme;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What an answer was read from: for every generated token, the far blocks that each layer chose.
 *
 * <p>A token's step is of the query that chose it: that of the token before, the last of the prompt
 * for the first one. A block may be chosen and still receive hardly any attention; what was said is
 * told by attention rather than by choice.
 *
 * @param layers number of layers of the model
 * @param blocks the blocks that any layer chose, ascending, each once
 * @param steps one for each generated token
 */
public record Trace(int layers, List<Block> blocks, List<Step> steps) {

  /**
   * A far block.
   *
   * @param number from 0, in the order of the text
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @param text the tokens' text
   */
  public record Block(int number, int from, int to, String text) {}

  /**
   * How one token was generated.
   *
   * @param token its id
   * @param position number of tokens before it
   * @param text its text; with replacement characters where it is not whole characters
   * @param layers for each layer the blocks chosen, ascending; none while all is in the window
   */
  public record Step(int token, int position, String text, List<List<Choice>> layers) {

    /** Keeps a copy. */
    public Step {
      layers = layers.stream().map(List::copyOf).toList();
    }
  }

  /**
   * A block chosen by a layer.
   *
   * @param block its number
   * @param score inner product of the query with the block's representative, over all heads
   * @param attention largest softmax weight of a head on the block's tokens, 0 to 1
   */
  public record Choice(int block, float score, float attention) {}

  /** Keeps copies and checks that the parts fit together. */
  public Trace {
    blocks = List.copyOf(blocks);
    steps = List.copyOf(steps);
    for (Step step : steps) {
      checkArgument(
          step.layers().size() == layers,
          "each step must have %s layers: %s at position %s",
          layers,
          step.layers().size(),
          step.position());
    }
  }

  /**
   * The blocks that the answer attended, the most attended first.
   *
   * <p>Shares and attention are averages over all pairs of a generated token and a layer; a pair
   * that did not choose a block gave it no attention.
   */
  public List<Passage> passages() {
    Map<Integer, Integer> pairs = new HashMap<>();
    Map<Integer, Double> attention = new HashMap<>();
    for (Step step : steps) {
      for (List<Choice> layer : step.layers()) {
        for (Choice choice : layer) {
          pairs.merge(choice.block(), 1, Integer::sum);
          attention.merge(choice.block(), (double) choice.attention(), Double::sum);
        }
      }
    }
    double all = (double) steps.size() * layers;
    List<Passage> passages = new ArrayList<>();
    for (Block block : blocks) {
      passages.add(
          new Passage(
              block.from(),
              block.to(),
              pairs.getOrDefault(block.number(), 0) / all,
              attention.getOrDefault(block.number(), 0.0) / all,
              block.text()));
    }
    passages.sort(Comparator.comparingDouble(Passage::attention).reversed());
    return passages;
  }
}
