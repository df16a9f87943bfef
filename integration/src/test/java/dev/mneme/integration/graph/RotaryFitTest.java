package dev.mneme.integration.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mneme.integration.graph.RotaryFit.NotARotation;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RotaryFitTest {

  private static final double FLOAT_ROUNDING = 0x1p-20;

  @ParameterizedTest
  @CsvSource({
    "10000, 64, 2048, 1",
    "100000, 32, 8192, 1",
    "500000, 64, 32768, 1.3466",
    "1000000, 64, 131072, 1",
    "10000, 8, 64, 1"
  })
  void anglesAreRightUpToTheLastRow(double theta, int pairs, int rows, float magnitude)
      throws NotARotation {
    float[] written = frequencies(theta, pairs);
    float[] cos = table(written, rows, angle -> magnitude * Math.cos(angle));
    float[] sin = table(written, rows, angle -> magnitude * Math.sin(angle));
    RotaryTable table = new RotaryFit(cos, sin, pairs, FLOAT_ROUNDING).table(false);
    assertThat(table.magnitude()).isEqualTo(magnitude);
    for (int j = 0; j < pairs; j++) {
      double error = Math.abs(table.inverseFrequencies()[j] - written[j]) * (rows - 1);
      assertThat(error).as("frequency %d", j).isLessThan(1e-4);
    }
    assertThat(table.base().orElseThrow()).isBetween(theta * 0.99999, theta * 1.00001);
  }

  @Test
  void halfPrecisionTables() throws NotARotation {
    float[] written = frequencies(10000, 32);
    float[] cos = halved(table(written, 4096, Math::cos));
    float[] sin = halved(table(written, 4096, Math::sin));
    double[] read = new RotaryFit(cos, sin, 32, 0x1p-10).table(false).inverseFrequencies();
    for (int j = 0; j < read.length; j++) {
      assertThat(Math.abs(read[j] - written[j]) * 4095).as("frequency %d", j).isLessThan(1e-3);
    }
  }

  @Test
  void scaledFrequenciesHaveNoBase() throws NotARotation {
    float[] scaled = frequencies(500000, 16);
    for (int j = 8; j < 16; j++) {
      scaled[j] /= 8;
    }
    RotaryTable table =
        new RotaryFit(
                table(scaled, 512, Math::cos), table(scaled, 512, Math::sin), 16, FLOAT_ROUNDING)
            .table(true);
    assertThat(table.base()).isEmpty();
    assertThat(table.interleaved()).isTrue();
    assertThat(table.inverseFrequencies()[15])
        .isBetween(scaled[15] * 0.999999, scaled[15] * 1.000001);
  }

  @Test
  void frequencyThatChangesWithThePositionIsRefused() {
    float[] written = frequencies(10000, 4);
    DoubleUnaryOperator bent = angle -> angle < 90 ? angle : 90 + (angle - 90) / 2;
    float[] cos = table(written, 128, angle -> Math.cos(bent.applyAsDouble(angle)));
    float[] sin = table(written, 128, angle -> Math.sin(bent.applyAsDouble(angle)));
    assertThatThrownBy(() -> new RotaryFit(cos, sin, 4, FLOAT_ROUNDING).table(false))
        .isInstanceOf(NotARotation.class)
        .hasMessageContaining("column 0");
  }

  @Test
  void oneRowIsTooFew() {
    assertThatThrownBy(
            () -> new RotaryFit(new float[] {1}, new float[] {0}, 1, FLOAT_ROUNDING).table(false))
        .isInstanceOf(NotARotation.class)
        .hasMessageContaining("1 row");
  }

  private static float[] frequencies(double theta, int pairs) {
    float[] frequencies = new float[pairs];
    for (int j = 0; j < pairs; j++) {
      frequencies[j] = (float) Math.pow(theta, -(double) j / pairs);
    }
    return frequencies;
  }

  /** As exporters do it: angles are float32. */
  private static float[] table(float[] frequencies, int rows, DoubleUnaryOperator function) {
    float[] table = new float[rows * frequencies.length];
    for (int i = 0; i < table.length; i++) {
      int row = i / frequencies.length;
      float angle = row * frequencies[i % frequencies.length];
      table[i] = (float) function.applyAsDouble(angle);
    }
    return table;
  }

  private static float[] halved(float[] values) {
    float[] halved = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      halved[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
    }
    return halved;
  }
}
