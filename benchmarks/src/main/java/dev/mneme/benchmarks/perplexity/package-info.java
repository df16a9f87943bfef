/** Perplexity: how well a model foretells a text, by what it can attend. */
@NullMarked
package dev.mneme.benchmarks.perplexity;

import org.jspecify.annotations.NullMarked;
