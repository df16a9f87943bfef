package dev.mneme.integration.graph;

import java.util.List;

/**
 * Where a layer's queries, keys and values leave the segment before it, not yet rotated.
 *
 * <p>Heads follow one another within a token's row.
 */
public sealed interface Projection {

  /** The segment outputs, in the order of the components. */
  List<String> tensors();

  /**
   * All in one tensor.
   *
   * @param qkv {@code [1, n, (heads + 2 * kvHeads) * headDim]}: queries, then keys, then values
   */
  record Packed(String qkv) implements Projection {
    @Override
    public List<String> tensors() {
      return List.of(qkv);
    }
  }

  /**
   * One tensor each.
   *
   * @param query {@code [1, n, heads * headDim]}
   * @param key {@code [1, n, kvHeads * headDim]}
   * @param value {@code [1, n, kvHeads * headDim]}
   */
  record Separate(String query, String key, String value) implements Projection {
    @Override
    public List<String> tensors() {
      return List.of(query, key, value);
    }
  }
}
