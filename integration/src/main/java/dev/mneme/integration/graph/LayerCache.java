package dev.mneme.integration.graph;

import java.util.List;

/**
 * Where the uncut graph keeps what a layer has read from one run to the next.
 *
 * @param keys rotated, if the layer rotates
 * @param values as they are
 */
public record LayerCache(CacheTensor keys, CacheTensor values) {

  /** Keys and values. */
  public List<CacheTensor> tensors() {
    return List.of(keys, values);
  }
}
