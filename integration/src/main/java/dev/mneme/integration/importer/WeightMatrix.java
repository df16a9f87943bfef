package dev.mneme.integration.importer;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * A weight matrix that is decoded piece by piece: one row for each output of a linear layer, one
 * column for each input.
 */
interface WeightMatrix {

  /** Columns are read in multiples of this many, other than at the end of a row. */
  int STRIDE = 32;

  int rows();

  int columns();

  /**
   * Decodes a piece of a row.
   *
   * @param column first column, a multiple of {@link #STRIDE}
   * @param count number of columns, a multiple of {@link #STRIDE} or up to the end of the row
   * @param into receives the weights from index {@code at} on
   */
  void read(int row, int column, int count, float[] into, int at);

  /** The rows of {@code parts} one below the other. */
  static WeightMatrix stacked(WeightMatrix... parts) {
    int columns = parts[0].columns();
    int rows = 0;
    for (WeightMatrix part : parts) {
      checkArgument(part.columns() == columns, "columns differ: %s!=%s", part.columns(), columns);
      rows += part.rows();
    }
    return new Rearranged(
        rows,
        columns,
        (row, column, count, into, at) -> {
          int remaining = row;
          int part = 0;
          while (remaining >= parts[part].rows()) {
            remaining -= parts[part++].rows();
          }
          parts[part].read(remaining, column, count, into, at);
        });
  }

  /**
   * The rows of a query or key projection in the order that rotation by halves needs.
   *
   * <p>Files of the llama architecture keep the two rows of a rotated pair side by side (0 and 1, 2
   * and 3, ...). Rotation by halves pairs row j of a head with row j + size/2.
   *
   * @param heads number of heads in {@code interleaved}
   */
  static WeightMatrix unpermuted(WeightMatrix interleaved, int heads) {
    int size = interleaved.rows() / heads;
    int half = size / 2;
    return new Rearranged(
        interleaved.rows(),
        interleaved.columns(),
        (row, column, count, into, at) -> {
          int head = row / size;
          int j = row % size;
          int source = head * size + (j < half ? 2 * j : 2 * (j - half) + 1);
          interleaved.read(source, column, count, into, at);
        });
  }

  /** Reads a piece of a row, as {@link WeightMatrix#read} does. */
  @FunctionalInterface
  interface PieceReader {
    void read(int row, int column, int count, float[] into, int at);
  }

  /** A matrix that takes its rows from others. */
  record Rearranged(int rows, int columns, PieceReader reader) implements WeightMatrix {
    @Override
    public void read(int row, int column, int count, float[] into, int at) {
      reader.read(row, column, count, into, at);
    }
  }
}
