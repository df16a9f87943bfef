package dev.mneme.attention;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Memory that the layers of a session use one after the other. All that is not small is allocated
 * when first needed: of a hundred forks most are never read from. Not thread-safe.
 */
final class LayerBuffers implements AutoCloseable {

  private final AttentionShape shape;
  private final RotaryEmbedding rotary;
  private final int panel;
  private final Arena arena = Arena.ofShared();

  /** Rotates queries and keys to their places in the text, and queries to those of far keys. */
  final RotaryEmbedding.Rotator rotator;

  final RotaryEmbedding.Rotator farRotator;
  private RotaryEmbedding.@Nullable Rotator panelRotator;

  /** A block as it enters or leaves a store. */
  MemorySegment blockKeys = MemorySegment.NULL;

  MemorySegment blockValues = MemorySegment.NULL;

  /** All heads of one token. */
  float[] vectors = {};

  float[] rotated = {};

  /** Keys of a panel as they are kept, {@code [P, D]}, and as a kernel reads them. */
  float[] panelRows = {};

  float[] panelKeys = {};

  /** All heads of a tile's tokens. */
  float[] tileQueries = {};

  float[] tileFarQueries = {};

  /** Softmax weights of the window. */
  float[] mass = {};

  /**
   * Buffers of one session.
   *
   * @param panel keys in a panel; see {@link AttentionKernel#keyPanel}
   */
  LayerBuffers(AttentionShape shape, RotaryEmbedding rotary, int panel) {
    this.shape = shape;
    this.rotary = rotary;
    this.panel = panel;
    rotator = rotary.rotator(shape.headDim());
    farRotator = rotary.rotator(shape.headDim());
  }

  /** Rotates the keys of a panel. */
  RotaryEmbedding.Rotator panelRotator() {
    if (panelRotator == null) {
      panelRotator = rotary.rotator(shape.headDim(), panel);
    }
    return panelRotator;
  }

  void allocate(BlockShape block, Timeline timeline) {
    if (vectors.length > 0) {
      return;
    }
    blockKeys = arena.allocate(block.bytes(), 64);
    blockValues = arena.allocate(block.bytes(), 64);
    int width = shape.heads() * shape.headDim();
    vectors = new float[width];
    rotated = new float[width];
    panelRows = new float[panel * shape.headDim()];
    panelKeys = new float[panel * shape.headDim()];
    tileQueries = new float[timeline.tile() * width];
    tileFarQueries = new float[timeline.tile() * width];
    mass = new float[timeline.config().nLocal() + timeline.tile()];
  }

  @Override
  public void close() {
    arena.close();
  }
}
