/** The command line, the recall suite and the benchmarks. */
@NullMarked
package dev.mneme.benchmarks;

import org.jspecify.annotations.NullMarked;
