package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;

/** What every index checks of what it is given. */
final class IndexChecks {

  private IndexChecks() {}

  static void representative(int dimension, float[] vector) {
    dimension("representative", dimension, vector);
  }

  static void search(int dimension, float[] query, int k) {
    dimension("query", dimension, query);
    count(k);
  }

  static void count(int k) {
    checkArgument(k >= 0, "k must not be negative: %s", k);
  }

  private static void dimension(String name, int dimension, float[] vector) {
    checkArgument(
        vector.length == dimension,
        "%s has another dimension than the index: %s, expected %s",
        name,
        vector.length,
        dimension);
  }
}
