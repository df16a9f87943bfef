/** Compatibility: which exports are wrapped, whether they compute the same, and what that costs. */
@NullMarked
package dev.mneme.benchmarks.compatibility;

import org.jspecify.annotations.NullMarked;
