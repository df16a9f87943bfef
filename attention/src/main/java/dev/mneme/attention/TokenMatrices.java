package dev.mneme.attention;

/**
 * What the attention of a layer reads of tokens, un-rotated, and what it writes; row 0 is the first
 * token.
 *
 * @param queries {@code heads * headDim} floats a token
 * @param keys {@code kvHeads * headDim} floats a token
 * @param values {@code kvHeads * headDim} floats a token
 * @param output receives {@code heads * headDim} floats a token
 */
public record TokenMatrices(
    TokenMatrix queries, TokenMatrix keys, TokenMatrix values, TokenMatrix output) {

  /** The rows from {@code first} on. */
  public TokenMatrices from(int first) {
    return new TokenMatrices(
        queries.from(first), keys.from(first), values.from(first), output.from(first));
  }
}
