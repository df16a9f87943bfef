/** Speed: a model behind a memory against the same model uncut, in one run. */
@NullMarked
package dev.mneme.benchmarks.speed;

import org.jspecify.annotations.NullMarked;
