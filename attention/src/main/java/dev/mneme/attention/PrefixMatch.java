package dev.mneme.attention;

/**
 * Finds what a text is about to repeat, as an induction head does by prefix matching (Olsson et al.
 * 2022): where its last tokens occurred before, the next one is likely to be what followed then.
 */
final class PrefixMatch {

  /** No such place. */
  static final int NONE = -1;

  /**
   * Longer matches are not told apart, so that a text of one token takes no square of its length.
   */
  static final int LONGEST = 32;

  private PrefixMatch() {}

  /**
   * The token that follows the longest occurrence of the last tokens of a text; of equally long
   * ones the last.
   *
   * @param text ids of tokens from its start
   * @param end one past its last token
   * @param least tokens that must be the same, 1 to {@link #LONGEST}
   * @return its index in the text, or {@link #NONE}
   */
  static int next(int[] text, int end, int least) {
    int found = NONE;
    int longest = least - 1;
    for (int token = end - 1; token > longest && longest < LONGEST; token--) {
      int length = 0;
      int most = Math.min(token, LONGEST);
      while (length < most && text[token - 1 - length] == text[end - 1 - length]) {
        length++;
      }
      if (length > longest) {
        longest = length;
        found = token;
      }
    }
    return found;
  }
}
