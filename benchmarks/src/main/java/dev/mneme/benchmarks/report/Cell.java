package dev.mneme.benchmarks.report;

import dev.mneme.benchmarks.task.RecallRow;
import java.util.Comparator;
import java.util.Locale;

/**
 * What rows of results have in common that are summed up.
 *
 * @param task its name
 * @param length tokens of the prompts, to the nearest half of 1024
 * @param mode what the model attended
 * @param settings what set its configuration apart
 */
public record Cell(String task, int length, String mode, String settings)
    implements Comparable<Cell> {

  private static final int STEP = 512;

  private static final Comparator<Cell> ORDER =
      Comparator.comparing(Cell::task)
          .thenComparingInt(Cell::length)
          .thenComparing(Cell::mode)
          .thenComparing(Cell::settings);

  /** The cell of a row. */
  public static Cell of(RecallRow row) {
    return new Cell(
        row.task(),
        STEP * Math.round((float) row.lengthTokens() / STEP),
        row.mode(),
        row.settings());
  }

  /** Whether it is of the same prompts. */
  boolean isAsLongAs(Cell other) {
    return task.equals(other.task) && length == other.length;
  }

  /** The length as people write it, such as {@code 4k} or {@code 0.5k}. */
  public String lengthText() {
    double thousands = length / 1024.0;
    return String.format(
        Locale.ROOT, thousands == Math.rint(thousands) ? "%.0fk" : "%.1fk", thousands);
  }

  @Override
  public int compareTo(Cell other) {
    return ORDER.compare(this, other);
  }
}
