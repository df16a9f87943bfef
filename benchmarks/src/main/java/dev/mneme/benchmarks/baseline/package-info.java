/** Baselines: the uncut model, for comparison with the same model behind a memory. */
@NullMarked
package dev.mneme.benchmarks.baseline;

import org.jspecify.annotations.NullMarked;
