/** Generation: how the next token is chosen from logits, and when to stop. */
@NullMarked
package dev.mneme.integration.generation;

import org.jspecify.annotations.NullMarked;
