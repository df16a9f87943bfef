/** Stores: where the bytes of blocks live. */
@NullMarked
package dev.mneme.memory.store;

import org.jspecify.annotations.NullMarked;
