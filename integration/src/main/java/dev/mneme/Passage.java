package dev.mneme;

/**
 * A far block that was attended.
 *
 * @param from first token, inclusive
 * @param to last token, exclusive
 * @param layerShare share of the layers that chose it, 0 to 1
 * @param text the tokens' text
 */
public record Passage(int from, int to, double layerShare, String text) {}
