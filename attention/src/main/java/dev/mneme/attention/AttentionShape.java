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
 * @param softcap bound of the scaled products: {@code s} becomes {@code softcap * tanh(s /
 *     softcap)} before the mask (Gemma 2); 0 for none
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale, float softcap) {

  /** A shape whose products are not bounded. */
  public AttentionShape(int heads, int kvHeads, int headDim, float scale) {
    this(heads, kvHeads, headDim, scale, 0);
  }

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
    checkArgument(
        Float.isFinite(softcap) && softcap >= 0,
        "softcap must be finite and not negative: %s",
        softcap);
  }

  /** Query heads per key/value head. */
  public int group() {
    return heads / kvHeads;
  }

  /** Bytes of one head's vector as float32. */
  public long vectorBytes() {
    return (long) headDim * Float.BYTES;
  }
}
