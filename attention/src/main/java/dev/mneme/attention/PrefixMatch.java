package dev.mneme.attention;

import com.google.common.primitives.ImmutableIntArray;

/**
 * What a text is about to repeat, found as an induction head does by prefix matching (Olsson et al.
 * 2022): where its last tokens occurred before, the next one is likely to be what followed then.
 *
 * @param next index in the text of the token that is likely to come again, or {@link #NOTHING}
 * @param rivals indexes of tokens around it that are others by their ids and followed the text's
 *     last token too; a model that looks at one or two of the tokens in front may take them for it.
 *     The token in front of it is none: that is the last token's own counterpart
 */
record PrefixMatch(int next, ImmutableIntArray rivals) {

  /** No such token. */
  static final int NOTHING = -1;

  /** Nothing is about to be repeated. */
  static final PrefixMatch NONE = new PrefixMatch(NOTHING, ImmutableIntArray.of());

  /**
   * Longer matches are not told apart, so that a text of one token takes no square of its length.
   */
  static final int LONGEST = 32;

  /**
   * The token that follows the longest occurrence of the last tokens of a text; of equally long
   * ones the last.
   *
   * @param text ids of tokens from its start
   * @param end one past its last token
   * @param least tokens that must be the same, 1 to {@link #LONGEST}
   * @return its index in the text, or {@link #NOTHING}
   */
  static int next(int[] text, int end, int least) {
    int found = NOTHING;
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

  /**
   * A match and its rivals in a part of the text.
   *
   * @param text ids of tokens from its start
   * @param end one past its last token
   * @param next what {@link #next} found
   * @param from first token of that part, inclusive
   * @param to last token of that part, exclusive; at most {@code end}
   */
  static PrefixMatch of(int[] text, int end, int next, int from, int to) {
    ImmutableIntArray.Builder rivals = ImmutableIntArray.builder();
    for (int token = Math.max(1, from); token < to; token++) {
      boolean follows = text[token - 1] == text[end - 1];
      if (follows && text[token] != text[next] && token != next - 1) {
        rivals.add(token);
      }
    }
    return new PrefixMatch(next, rivals.build());
  }
}
