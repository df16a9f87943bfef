package dev.mneme.attention;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory that the layers of a session use one after the other. Allocated when first needed: a
 * session that is never read from costs none. Not thread-safe.
 */
final class LayerBuffers implements AutoCloseable {

  private final Arena arena = Arena.ofShared();

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

  void allocate(AttentionShape shape, BlockShape block, Timeline timeline, int panel) {
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
