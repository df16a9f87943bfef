/** Indexes: find the blocks whose representatives score highest for a query. */
@NullMarked
package dev.mneme.memory.index;

import org.jspecify.annotations.NullMarked;
