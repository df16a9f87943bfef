package dev.mneme;

/**
 * A far block that was attended.
 *
 * @param from first token, inclusive
 * @param to last token, exclusive
 * @param share share of the pairs of a token and a layer that chose it, 0 to 1
 * @param attention largest softmax weight of a head on it, 0 to 1, averaged over those pairs that
 *     chose it and those that did not
 * @param text the tokens' text
 */
public record Passage(int from, int to, double share, double attention, String text) {}
