package dev.mneme.attention;

import dev.mneme.attention.RotaryEmbedding.Rotator;
import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What one thread works on a layer with. Not thread-safe. */
final class Lane {

  /** Rotates queries and keys to their places in the text, and queries to those of far keys. */
  final Rotator rotator;

  final Rotator farRotator;

  /** Rotates the keys of a panel. */
  final Rotator panelRotator;

  /** A block as it enters or leaves a store, {@code [kvHeads, blockSize, D]}. */
  final MemorySegment blockKeys;

  final MemorySegment blockValues;

  /** All heads of one token. */
  final float[] vectors;

  final float[] rotated;

  /** Keys of a panel as they are kept, {@code [P, D]}, and as a kernel reads them. */
  final float[] panelRows;

  final float[] panelKeys;

  /** Softmax weights of the window. */
  final float[] mass;

  /**
   * Takes memory.
   *
   * @param panel keys in a panel; see {@link AttentionKernel#keyPanel}
   * @param window most rows of the window
   * @param arena of the memory off the heap
   */
  Lane(
      AttentionShape shape,
      RotaryEmbedding rotary,
      BlockShape block,
      int panel,
      int window,
      Arena arena) {
    int dim = shape.headDim();
    rotator = rotary.rotator(dim);
    farRotator = rotary.rotator(dim);
    panelRotator = rotary.rotator(dim, panel);
    blockKeys = arena.allocate(block.bytes(), 64);
    blockValues = arena.allocate(block.bytes(), 64);
    vectors = new float[shape.heads() * dim];
    rotated = new float[shape.heads() * dim];
    panelRows = new float[panel * dim];
    panelKeys = new float[panel * dim];
    mass = new float[window];
  }
}
