/** The commands of {@code mneme} that belong to the library, and how they talk to the terminal. */
@NullMarked
package dev.mneme.integration.cli;

import org.jspecify.annotations.NullMarked;
