/** Attention over the attention sinks, the chosen blocks and the local window. */
@NullMarked
package dev.mneme.attention;

import org.jspecify.annotations.NullMarked;
