/** Attention by the JVM's Vector API. */
@NullMarked
package dev.mneme.attention.simd;

import org.jspecify.annotations.NullMarked;
