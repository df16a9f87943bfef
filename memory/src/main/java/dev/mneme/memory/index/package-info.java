/**
 * Indexes: find the blocks whose representatives score highest for a query.
 *
 * <p>{@link dev.mneme.memory.index.BlockIndex} is what attention asks, one a layer, with {@link
 * dev.mneme.memory.index.ExactIndex} as the yardstick and two approximate ones, {@link
 * dev.mneme.memory.index.HnswIndex} and {@link dev.mneme.memory.index.LuceneVectorIndex}. {@link
 * dev.mneme.memory.index.TextIndex} finds blocks by their words, one a session, and {@link
 * dev.mneme.memory.index.Fusion} merges both. Lucene and hnswlib are seen in this package alone.
 * Nothing here is thread-safe.
 */
@NullMarked
package dev.mneme.memory.index;

import org.jspecify.annotations.NullMarked;
