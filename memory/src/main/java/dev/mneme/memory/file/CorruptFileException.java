package dev.mneme.memory.file;

import java.io.IOException;
import java.nio.file.Path;

/** A file does not hold what was written to it: names file, offset, what was expected and found. */
public final class CorruptFileException extends IOException {

  private static final long serialVersionUID = 1;

  CorruptFileException(Path file, long offset, String what, Object expected, Object found) {
    super(
        "%s is corrupt: %s at byte %d: expected %s, found %s"
            .formatted(file, what, offset, expected, found));
  }
}
