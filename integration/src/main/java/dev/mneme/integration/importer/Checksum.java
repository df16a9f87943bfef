package dev.mneme.integration.importer;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** SHA-256 of files. */
final class Checksum {

  private static final int BUFFER_BYTES = 1 << 20;

  private Checksum() {}

  /** The SHA-256 of {@code file} in lower-case hexadecimal digits, as a task of its own. */
  static String sha256(Path file, Progress progress) throws IOException {
    try (Progress.Task task = progress.start("checking " + file.getFileName(), Files.size(file))) {
      return sha256(file, task);
    }
  }

  /** The SHA-256 of {@code file} in lower-case hexadecimal digits. */
  static String sha256(Path file, Progress.Task task) throws IOException {
    Hasher hasher = Hashing.sha256().newHasher();
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        hasher.putBytes(buffer, 0, read);
        task.advance(read);
      }
    }
    return hasher.hash().toString();
  }

  /** Refuses {@code file} unless it has the length and the SHA-256 of {@code expected}. */
  static void verify(Path file, KnownModel.Content expected, Progress progress) throws IOException {
    long bytes = Files.size(file);
    if (bytes != expected.bytes()) {
      throw new IOException(
          "%s: expected %d bytes, found %d".formatted(file, expected.bytes(), bytes));
    }
    String sha256 = sha256(file, progress);
    if (!sha256.equals(expected.sha256())) {
      throw new IOException(
          "%s: expected SHA-256 %s, found %s".formatted(file, expected.sha256(), sha256));
    }
  }
}
