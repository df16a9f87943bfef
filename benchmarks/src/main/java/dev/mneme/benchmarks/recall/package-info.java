/** Recall: asks a model about what it read, with its memory and without. */
@NullMarked
package dev.mneme.benchmarks.recall;

import org.jspecify.annotations.NullMarked;
