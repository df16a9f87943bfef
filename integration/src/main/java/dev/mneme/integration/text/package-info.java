/** Text: a model's tokenizer, and text that arrives token by token. */
@NullMarked
package dev.mneme.integration.text;

import org.jspecify.annotations.NullMarked;
