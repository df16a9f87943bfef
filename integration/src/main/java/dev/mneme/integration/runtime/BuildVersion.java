package dev.mneme.integration.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** Which build of Mneme this is. */
public final class BuildVersion {

  private static final String FILE = "/dev/mneme/version.properties";

  private BuildVersion() {}

  /** Version and commit, such as {@code 0.1.0 (1a2b3c4)}; changed sources are marked dirty. */
  public static String text() {
    Properties properties = new Properties();
    try (InputStream in = BuildVersion.class.getResourceAsStream(FILE)) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return "%s (%s)"
        .formatted(
            properties.getProperty("git.build.version", "unknown version"),
            properties.getProperty("git.commit.id.describe", "unknown commit"));
  }
}
