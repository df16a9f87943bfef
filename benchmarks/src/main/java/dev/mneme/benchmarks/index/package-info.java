/** Indexes: what they find and cost on the queries and blocks of a real model. */
@NullMarked
package dev.mneme.benchmarks.index;

import org.jspecify.annotations.NullMarked;
