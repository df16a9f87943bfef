package dev.mneme;

/**
 * A far block that was attended.
 *
 * @param from first token, inclusive
 * @param to last token, exclusive
 * @param layerShare share of the layers that chose it, 0 to 1
 * @param attention largest softmax weight of a head on it, 0 to 1, averaged over the layers
 * @param text the tokens' text
 */
public record Passage(int from, int to, double layerShare, double attention, String text) {}
