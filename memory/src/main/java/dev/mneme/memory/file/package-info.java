/**
 * Files of a memory: written so that a kill at any moment loses nothing that was committed, and
 * read so that nothing corrupt is taken for what was written.
 *
 * <p>{@link dev.mneme.memory.file.MemoryFolder} is the entry. The layout of every file is written
 * down in {@code docs/file-format.md}.
 */
@NullMarked
package dev.mneme.memory.file;

import org.jspecify.annotations.NullMarked;
