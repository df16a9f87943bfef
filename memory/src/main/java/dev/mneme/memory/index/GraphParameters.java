package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * How a hierarchical navigable small world graph is built and searched (Malkov and Yashunin 2018,
 * arXiv:1603.09320).
 *
 * @param m links that a new vector makes on each level; on the lowest it may have twice as many
 * @param efConstruction candidates from which these links are chosen
 * @param ef candidates that a search keeps, raised to the number of blocks asked for where that is
 *     larger
 */
public record GraphParameters(int m, int efConstruction, int ef) {

  /** Checks that a graph can be built. */
  public GraphParameters {
    checkArgument(m > 1, "m must be at least 2: %s", m);
    checkArgument(
        efConstruction >= m, "efConstruction must be at least m: %s, m %s", efConstruction, m);
    checkArgument(ef > 0, "ef must be positive: %s", ef);
  }

  /** 16 links, 100 candidates while building, 64 while searching. */
  public static GraphParameters defaults() {
    return new GraphParameters(16, 100, 64);
  }
}
