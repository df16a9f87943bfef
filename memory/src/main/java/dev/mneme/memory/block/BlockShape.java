package dev.mneme.memory.block;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * The shape of one block of one layer: {@code blockSize} consecutive tokens.
 *
 * <p>A block's keys, and likewise its values, are row-major {@code [kvHeads, blockSize, headDim]},
 * float32 in native byte order.
 *
 * @param kvHeads key/value heads of the layer
 * @param blockSize tokens per block
 * @param headDim channels per head
 */
public record BlockShape(int kvHeads, int blockSize, int headDim) {

  /** Checks that every dimension is positive. */
  public BlockShape {
    checkArgument(kvHeads > 0, "kvHeads must be positive: %s", kvHeads);
    checkArgument(blockSize > 0, "blockSize must be positive: %s", blockSize);
    checkArgument(headDim > 0, "headDim must be positive: %s", headDim);
  }

  /** Bytes of the keys, or of the values, of one block as float32. */
  public long bytes() {
    return (long) kvHeads * headBytes();
  }

  /** Bytes of one head's keys, or values, of one block as float32. */
  public long headBytes() {
    return (long) blockSize * headDim * Float.BYTES;
  }
}
