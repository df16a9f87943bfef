/** Benchmarks of the parts, by JMH: what one of them costs, and the wrong way beside the right. */
@NullMarked
package dev.mneme.benchmarks.micro;

import org.jspecify.annotations.NullMarked;
