/**
 * Templates in the dialect of Jinja that tokenizers of Hugging Face use for chats.
 *
 * <p>{@link dev.mneme.integration.jinja.JinjaTemplate} renders one. The rest makes Jinjava, the
 * library behind it, evaluate what such templates say as Jinja2 does.
 */
@NullMarked
package dev.mneme.integration.jinja;

import org.jspecify.annotations.NullMarked;
