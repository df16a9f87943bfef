package dev.mneme.attention;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Random queries, keys and values of one layer, and ids of few tokens, which often repeat. */
final class RandomText {

  final int[] ids;
  final float[][] queries;
  final float[][] keys;
  final float[][] values;

  RandomText(long seed, AttentionShape shape, int tokens) {
    ids = new Random(-seed).ints(tokens, 0, 4).toArray();
    Random random = new Random(seed);
    queries = gaussian(random, tokens, shape.heads() * shape.headDim());
    keys = gaussian(random, tokens, shape.kvHeads() * shape.headDim());
    values = gaussian(random, tokens, shape.kvHeads() * shape.headDim());
  }

  private RandomText(int[] ids, float[][] queries, float[][] keys, float[][] values) {
    this.ids = ids;
    this.queries = queries;
    this.keys = keys;
    this.values = values;
  }

  /** What one key/value head and the query heads that share it see of this text. */
  RandomText ofHead(int head, int kvHeads) {
    return new RandomText(
        ids, part(queries, head, kvHeads), part(keys, head, kvHeads), part(values, head, kvHeads));
  }

  private static float[][] part(float[][] rows, int part, int parts) {
    return Arrays.stream(rows)
        .map(row ->
            Arrays.copyOfRange(row, part * row.length / parts, (part + 1) * row.length / parts))
        .toArray(float[][]::new);
  }

  int tokens() {
    return queries.length;
  }

  List<double[]> doubles(float[][] rows, int from, int to) {
    List<double[]> result = new ArrayList<>();
    for (int token = from; token < to; token++) {
      double[] row = new double[rows[token].length];
      for (int i = 0; i < row.length; i++) {
        row[i] = rows[token][i];
      }
      result.add(row);
    }
    return result;
  }

  private static float[][] gaussian(Random random, int rows, int width) {
    float[][] matrix = new float[rows][width];
    for (float[] row : matrix) {
      for (int i = 0; i < width; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    return matrix;
  }
}
