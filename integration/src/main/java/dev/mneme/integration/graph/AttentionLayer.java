package dev.mneme.integration.graph;

/**
 * One attention layer: what has to be computed between two segments.
 *
 * <p>Causal attention of {@code heads} queries over {@code kvHeads} keys and values, query head
 * {@code h} reading key/value head {@code h / (heads / kvHeads)}: rotate queries and keys, softmax
 * of {@code scale} times their products, bounded where there is a {@code softcap}, weighted sum of
 * the values.
 *
 * @param index from 0, also the index of the segment before it
 * @param node the attention node's name
 * @param form how the graph writes attention: the operator, or the operators
 * @param heads number of query heads, a multiple of {@code kvHeads}
 * @param kvHeads number of key/value heads
 * @param headDim elements per head
 * @param scale factor of the products of queries and keys
 * @param softcap bound of the scaled products by {@code softcap * tanh(s / softcap)}, 0 for none
 * @param window tokens that a query sees, its own included; 0 for all
 * @param projection queries, keys and values as they leave segment {@code index}
 * @param output name under which segment {@code index + 1} takes the result, {@code [1, n, heads *
 *     headDim]}
 * @param rotary how queries and keys are rotated
 * @param cache where the uncut graph keeps keys and values, which the segments do not have
 */
public record AttentionLayer(
    int index,
    String node,
    String form,
    int heads,
    int kvHeads,
    int headDim,
    float scale,
    float softcap,
    int window,
    Projection projection,
    String output,
    RotaryTables rotary,
    LayerCache cache) {

  /** The same attention between other tensors, or rotated otherwise. */
  AttentionLayer with(Projection otherProjection, String otherOutput, RotaryTables otherRotary) {
    return new AttentionLayer(
        index,
        node,
        form,
        heads,
        kvHeads,
        headDim,
        scale,
        softcap,
        window,
        otherProjection,
        otherOutput,
        otherRotary,
        cache);
  }
}
