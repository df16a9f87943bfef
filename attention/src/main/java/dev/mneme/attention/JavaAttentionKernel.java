package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Attention in plain Java, sums in double precision: the reference that other kernels are tested
 * against, and the kernel for machines without ONNX Runtime. Slow.
 */
public final class JavaAttentionKernel implements AttentionKernel {

  @Override
  public int keyPanel() {
    return 1;
  }

  @Override
  public Attention over(WorkingSet set) {
    return new ReferenceAttention(set);
  }

  @Override
  public void close() {}

  private record ReferenceAttention(WorkingSet set) implements Attention {

    @Override
    public void attend(QueryTile tile) {
      AttentionShape shape = set.shape();
      int dim = shape.headDim();
      int far = set.far();
      int width = far + set.window();
      int queries = tile.queries();
      float[] farKeys = floats(set.farKeys().memory());
      float[] windowKeys = floats(set.windowKeys().memory());
      float[] values = floats(set.values());
      float[] farQueries = floats(tile.farQueries());
      float[] windowQueries = floats(tile.windowQueries());
      float[] mask = floats(tile.mask());
      float[] output = new float[farQueries.length];
      float[] mass = new float[tile.parts() * shape.heads() * width];
      double[] weights = new double[width];
      for (int head = 0; head < shape.heads(); head++) {
        int kv = head / shape.group();
        for (int query = 0; query < queries; query++) {
          int at = tile.row(head, query) * dim;
          int maskAt = query * width;
          int massAt = tile.massRow(head, query * tile.parts() / queries) * width;
          for (int c = 0; c < width; c++) {
            double product =
                c < far
                    ? dot(farQueries, at, farKeys, (kv * far + c) * dim, dim)
                    : dot(windowQueries, at, windowKeys, (kv * set.window() + c - far) * dim, dim);
            double bounded =
                shape.softcap() == 0
                    ? product
                    : shape.softcap() * Math.tanh(product / shape.softcap());
            weights[c] = bounded + mask[maskAt + c];
          }
          softmax(weights);
          double[] sum = new double[dim];
          for (int c = 0; c < width; c++) {
            mass[massAt + c] += (float) weights[c];
            for (int d = 0; d < dim; d++) {
              sum[d] += weights[c] * values[(kv * width + c) * dim + d];
            }
          }
          for (int d = 0; d < dim; d++) {
            output[at + d] = (float) sum[d];
          }
        }
      }
      MemorySegment.copy(output, 0, tile.output(), JAVA_FLOAT, 0, output.length);
      MemorySegment.copy(mass, 0, tile.mass(), JAVA_FLOAT, 0, mass.length);
    }

    private static double dot(float[] a, int aAt, float[] b, int bAt, int length) {
      double sum = 0;
      for (int i = 0; i < length; i++) {
        sum += (double) a[aAt + i] * b[bAt + i];
      }
      return sum;
    }

    private static void softmax(double[] scores) {
      double max = Double.NEGATIVE_INFINITY;
      for (double score : scores) {
        max = Math.max(max, score);
      }
      double sum = 0;
      for (int i = 0; i < scores.length; i++) {
        scores[i] = Math.exp(scores[i] - max);
        sum += scores[i];
      }
      for (int i = 0; i < scores.length; i++) {
        scores[i] /= sum;
      }
    }

    private static float[] floats(MemorySegment segment) {
      return segment.toArray(JAVA_FLOAT);
    }

    @Override
    public void close() {}
  }
}
