/** Inner products by the JVM's Vector API, where the JVM has it. */
@NullMarked
package dev.mneme.memory.simd;

import org.jspecify.annotations.NullMarked;
