package dev.mneme.integration.runtime;

import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Positions;
import dev.mneme.attention.RotaryEmbedding;
import dev.mneme.attention.Words;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.RotaryTable;
import dev.mneme.integration.graph.RotaryTables;
import dev.mneme.integration.graph.UnsupportedModelException;
import java.util.ArrayList;
import java.util.List;

/**
 * Layers of a model that attend alike, so that one memory can hold them.
 *
 * @param shape their attention
 * @param rotary their rotation
 * @param window tokens that they see, 0 for all: those are the layers that need far memory
 * @param layers indices, ascending
 */
record LayerGroup(AttentionShape shape, RotaryTables rotary, int window, List<Integer> layers) {

  /**
   * Groups layers; those that see all come first.
   *
   * @throws UnsupportedModelException if none sees all, or those that do are not alike
   */
  static List<LayerGroup> of(List<AttentionLayer> layers) {
    List<LayerGroup> groups = new ArrayList<>();
    for (AttentionLayer layer : layers) {
      LayerGroup own = alone(layer);
      LayerGroup known =
          groups.stream().filter(group -> group.isLike(own)).findFirst().orElse(null);
      if (known == null && own.window == 0) {
        checkAlone(groups, layers, layer);
        groups.addFirst(own);
      } else if (known == null) {
        groups.add(own);
      }
      (known == null ? own : known).layers.add(layer.index());
    }
    if (groups.getFirst().window != 0) {
      throw new UnsupportedModelException(
          "all layers see a window of %d tokens only: there is nothing for a memory to be of use to"
              .formatted(groups.getFirst().window));
    }
    return groups;
  }

  /** A group that has no layers yet and is like one. */
  static LayerGroup alone(AttentionLayer layer) {
    return new LayerGroup(
        new AttentionShape(
            layer.heads(), layer.kvHeads(), layer.headDim(), layer.scale(), layer.softcap()),
        layer.rotary(),
        layer.window(),
        new ArrayList<>());
  }

  private boolean isLike(LayerGroup other) {
    return shape.equals(other.shape) && rotary.equals(other.rotary) && window == other.window;
  }

  private static void checkAlone(
      List<LayerGroup> groups, List<AttentionLayer> layers, AttentionLayer layer) {
    if (!groups.isEmpty() && groups.getFirst().window == 0) {
      throw new UnsupportedModelException(
          "layers %s and %s differ in heads, head size, scale, softcap or rotation"
              .formatted(layers.get(groups.getFirst().layers.getFirst()).node(), layer.node()));
    }
  }

  /**
   * The rotation of these layers.
   *
   * @param config of the layers' memory
   * @param length of a text, which chooses the rotation where the model has several
   */
  RotaryEmbedding rotary(MemoryConfig config, long length) {
    RotaryTable table = rotary.of(length);
    return new RotaryEmbedding(
        table.inverseFrequencies(), table.magnitude(), table.interleaved(), config.distanceScale());
  }

  /** A memory of the window alone, read in the same blocks of queries where it holds them. */
  MemoryConfig windowOnly(MemoryConfig config) {
    int queryBlock = Math.min(config.queryBlock(), window);
    return config.toBuilder()
        .nInit(0)
        .nLocal(window)
        .topK(0)
        .queryBlock(queryBlock)
        .sharpBlock(1)
        .positions(Positions.INFLLM)
        .words(Words.NONE)
        .distanceScale(1)
        .build();
  }
}
