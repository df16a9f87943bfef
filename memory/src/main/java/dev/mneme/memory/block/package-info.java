/** Blocks: the keys, values and representatives of a run of consecutive tokens of one layer. */
@NullMarked
package dev.mneme.memory.block;

import org.jspecify.annotations.NullMarked;
