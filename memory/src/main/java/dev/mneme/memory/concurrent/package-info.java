/** Threads that attention and the search of blocks share. */
@NullMarked
package dev.mneme.memory.concurrent;

import org.jspecify.annotations.NullMarked;
