/** The command {@code mneme durability}: kills and damage that a memory must survive. */
@NullMarked
package dev.mneme.benchmarks.durability;

import org.jspecify.annotations.NullMarked;
