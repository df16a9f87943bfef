/**
 * Text to token ids and back.
 *
 * <p>{@link dev.mneme.integration.text.Tokenizer} is a model's tokenizer; {@link
 * dev.mneme.integration.text.Utf8Stream} turns ids that come one by one into text; {@link
 * dev.mneme.integration.text.ChatTemplate} makes a chat a text.
 */
@NullMarked
package dev.mneme.integration.text;

import org.jspecify.annotations.NullMarked;
