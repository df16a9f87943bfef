/**
 * Codecs: in what precision the keys and values of a block are kept.
 *
 * <p>{@link dev.mneme.memory.codec.BlockPrecision} names the choices, {@link
 * dev.mneme.memory.codec.BlockCodec} is what a store uses. Keys are encoded un-rotated, so that no
 * position disturbs their scales.
 */
@NullMarked
package dev.mneme.memory.codec;

import org.jspecify.annotations.NullMarked;
