/**
 * Chooses the next token of a generation and decides when it ends.
 *
 * <p>{@link dev.mneme.integration.generation.GenerationOptions} says how, {@link
 * dev.mneme.integration.generation.Sampler} chooses from logits, {@link
 * dev.mneme.integration.generation.StopStrings} watches the text.
 */
@NullMarked
package dev.mneme.integration.generation;

import org.jspecify.annotations.NullMarked;
