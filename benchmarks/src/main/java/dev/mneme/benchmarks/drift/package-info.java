/** Drift: how far the logits of one configuration are from those of another. */
@NullMarked
package dev.mneme.benchmarks.drift;

import org.jspecify.annotations.NullMarked;
