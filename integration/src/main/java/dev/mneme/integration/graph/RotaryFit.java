package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.TensorProto;

/**
 * Recovers rotary frequencies from the cosine and sine tables of an exported model.
 *
 * <p>Row {@code p}, column {@code j} of the tables holds {@code magnitude * cos(p * w_j)} and
 * {@code magnitude * sin(p * w_j)}. Row 1 alone gives a low frequency only to the table's rounding,
 * which a late position multiplies. So the phase is followed through rows 1, 2, 4, 8 and so on,
 * each of which halves the error that is left and is known beforehand to much less than half a
 * turn; a least-squares fit over rows of the whole table then averages the rounding away. In the
 * end the frequencies must reproduce every row: a table that is not a rotation at constant
 * frequencies is refused.
 */
final class RotaryFit {

  private static final int FITTED_ROWS = 4096;

  /** Exporters round {@code p * w} to float32, after rounding {@code w} or a scaled {@code p}. */
  private static final double ANGLE_ROUNDING = 0x1p-23;

  private final float[] cos;
  private final float[] sin;
  private final int rows;
  private final int pairs;
  private final double rounding;

  /**
   * Takes tables of shape {@code [rows, pairs]}, row-major.
   *
   * @param rounding largest error of a table entry of magnitude 1
   */
  RotaryFit(float[] cos, float[] sin, int pairs, double rounding) {
    this.cos = cos;
    this.sin = sin;
    this.pairs = pairs;
    this.rows = cos.length / pairs;
    this.rounding = rounding;
  }

  /** The largest error of an entry of magnitude 1, by the type of a table's entries. */
  static double rounding(TensorProto table) {
    return switch (table.getDataType()) {
      case TensorProto.DataType.FLOAT16_VALUE -> 0x1p-10;
      case TensorProto.DataType.BFLOAT16_VALUE -> 0x1p-7;
      default -> 0x1p-20;
    };
  }

  /** Returns the rotation, or throws with what is wrong with the tables. */
  RotaryTable table(boolean interleaved) throws NotARotation {
    if (rows < 2) {
      throw new NotARotation("the tables have %d row, at least 2 are needed".formatted(rows));
    }
    float magnitude = cos[0];
    if (!(magnitude > 0) || magnitude == Float.POSITIVE_INFINITY) {
      throw new NotARotation("row 0 of the cosines starts with " + magnitude);
    }
    double[] frequencies = new double[pairs];
    for (int j = 0; j < pairs; j++) {
      frequencies[j] = frequency(j);
    }
    verify(frequencies, magnitude);
    return new RotaryTable(frequencies, magnitude, interleaved, 2 * pairs);
  }

  private double frequency(int j) {
    double w = 0;
    for (int p = 1; p < rows; p *= 2) {
      w += deviation(p, j, w) / p;
    }
    int step = Math.max(1, rows / FITTED_ROWS);
    double weighted = 0;
    double squares = 0;
    for (int p = step; p < rows; p += step) {
      weighted += p * deviation(p, j, w);
      squares += (double) p * p;
    }
    return w + weighted / squares;
  }

  /** The angle from {@code p * w} to the one in the table, within half a turn. */
  private double deviation(int p, int j, double w) {
    int at = p * pairs + j;
    return Math.IEEEremainder(Math.atan2(sin[at], cos[at]) - p * w, 2 * Math.PI);
  }

  private void verify(double[] frequencies, float magnitude) throws NotARotation {
    for (int j = 0; j < pairs; j++) {
      double stepCos = Math.cos(frequencies[j]);
      double stepSin = Math.sin(frequencies[j]);
      double c = 1;
      double s = 0;
      for (int p = 0; p < rows; p++) {
        int at = p * pairs + j;
        double bound = magnitude * (rounding + ANGLE_ROUNDING * p * Math.abs(frequencies[j]));
        if (!(Math.abs(cos[at] - magnitude * c) <= bound)
            || !(Math.abs(sin[at] - magnitude * s) <= bound)) {
          throw new NotARotation(
              "row %d, column %d of the tables is (%s, %s), a rotation at constant frequency gives (%s, %s)"
                  .formatted(
                      p, j, cos[at], sin[at], (float) (magnitude * c), (float) (magnitude * s)));
        }
        double turned = c * stepCos - s * stepSin;
        s = c * stepSin + s * stepCos;
        c = turned;
      }
    }
  }

  /** The tables do not hold a rotation at constant frequencies. */
  static final class NotARotation extends Exception {
    private static final long serialVersionUID = 1L;

    NotARotation(String message) {
      super(message);
    }
  }
}
