/** The front door: opens a model with a memory, and sessions of it. */
@NullMarked
package dev.mneme;

import org.jspecify.annotations.NullMarked;
