/**
 * Reads ONNX graphs and cuts them at their attention.
 *
 * <p>{@link dev.mneme.integration.graph.ModelGraph#read} is the entry. It takes the graph of a
 * causal language model whose attention is the operator {@code GroupQueryAttention} of {@code
 * com.microsoft} and yields, for {@code L} attention layers, {@code L + 1} {@linkplain
 * dev.mneme.integration.graph.Segment segments} without attention and {@code L} descriptions of
 * {@linkplain dev.mneme.integration.graph.AttentionLayer what has to be computed between them}. No
 * weight is read or copied: segments name the model's own external data.
 *
 * <p>Everything here is immutable and thread-safe. What a graph holds and this package does not
 * support is refused by name with {@link dev.mneme.integration.graph.UnsupportedModelException};
 * nothing that changes the mathematics is ignored.
 */
@NullMarked
package dev.mneme.integration.graph;

import org.jspecify.annotations.NullMarked;
