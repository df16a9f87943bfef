package dev.mneme.attention;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * The shape of one layer's attention. Query head {@code h} reads key/value head {@code h /
 * group()}.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key/value heads
 * @param headDim channels per head
 * @param scale factor of the inner products before the softmax, usually {@code 1/sqrt(headDim)}
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale) {

  /** Checks the values against each other. */
  public AttentionShape {
    checkArgument(kvHeads > 0, "kvHeads must be positive: %s", kvHeads);
    checkArgument(headDim > 0, "headDim must be positive: %s", headDim);
    checkArgument(
        heads > 0 && heads % kvHeads == 0,
        "heads must be a positive multiple of kvHeads: heads %s, kvHeads %s",
        heads,
        kvHeads);
    checkArgument(
        Float.isFinite(scale) && scale > 0, "scale must be positive and finite: %s", scale);
  }

  /** Query heads per key/value head. */
  public int group() {
    return heads / kvHeads;
  }

  /** Bytes of one head's vector as float32. */
  long vectorBytes() {
    return (long) headDim * Float.BYTES;
  }
}
