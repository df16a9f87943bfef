package dev.mneme.integration.graph;

/**
 * How a layer rotates, which may depend on the length of a text: models extended by LongRoPE (Ding
 * et al. 2024) have frequencies of their own for texts beyond the length that they were first
 * trained for.
 *
 * @param shorter for texts of at most {@code limit} tokens
 * @param limit longest text of {@code shorter}, in tokens; {@link Integer#MAX_VALUE} if there is
 *     but one table
 * @param longer for all others
 */
public record RotaryTables(RotaryTable shorter, int limit, RotaryTable longer) {

  /** The same table for texts of any length. */
  public static RotaryTables always(RotaryTable table) {
    return new RotaryTables(table, Integer.MAX_VALUE, table);
  }

  /** Whether the length of a text is of importance. */
  public boolean dependOnLength() {
    return limit != Integer.MAX_VALUE;
  }

  /** The table for texts of so many tokens. */
  public RotaryTable of(long length) {
    return length > limit ? longer : shorter;
  }

  /** Tells of both tables only where there are two. */
  @Override
  public String toString() {
    return dependOnLength()
        ? "%s up to %d tokens, %s beyond".formatted(shorter, limit, longer)
        : shorter.toString();
  }
}
