/** Runtime: runs the segments of a cut model with memory attention between them. */
@NullMarked
package dev.mneme.integration.runtime;

import org.jspecify.annotations.NullMarked;
