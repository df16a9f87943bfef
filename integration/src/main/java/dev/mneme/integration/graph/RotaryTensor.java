package dev.mneme.integration.graph;

/**
 * An initializer of cosines or sines, {@code [positions, pairs]}.
 *
 * @param initializer its name
 * @param table the rotation that it holds
 * @param cosine whether it holds the cosines
 */
record RotaryTensor(String initializer, RotaryTable table, boolean cosine) {}
