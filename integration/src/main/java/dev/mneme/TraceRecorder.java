package dev.mneme;

import dev.mneme.Trace.Block;
import dev.mneme.Trace.Choice;
import dev.mneme.Trace.Step;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntFunction;

/**
 * Collects a {@link Trace} token by token. It holds the text of the blocks itself, so a trace may
 * be had after its session was closed. Not thread-safe.
 */
final class TraceRecorder {

  private final int layers;
  private final SortedMap<Integer, Block> blocks = new TreeMap<>();
  private final List<Step> steps = new ArrayList<>();

  TraceRecorder(int layers) {
    this.layers = layers;
  }

  /**
   * Adds a token and what the last token read attended.
   *
   * @param describe makes the block of a number; asked once for each that was chosen
   */
  void add(
      int token, int position, String text, MemoryAttention memory, IntFunction<Block> describe) {
    List<List<Choice>> choices = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      Hits hits = memory.choice(layer);
      List<Choice> chosen = new ArrayList<>();
      for (int i = 0; i < hits.blocks().length; i++) {
        int block = hits.blocks()[i];
        blocks.computeIfAbsent(block, describe::apply);
        chosen.add(new Choice(block, hits.scores()[i], memory.attention(layer, block)));
      }
      choices.add(chosen);
    }
    steps.add(new Step(token, position, text, choices));
  }

  /** What was added so far. */
  Trace trace() {
    return new Trace(layers, List.copyOf(blocks.values()), steps);
  }
}
