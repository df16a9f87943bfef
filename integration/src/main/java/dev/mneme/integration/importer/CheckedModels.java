package dev.mneme.integration.importer;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Remembers in the user's cache folder which models were found to be cut right, by what their
 * segments and weight files are.
 */
public final class CheckedModels {

  private final Path mark;

  private CheckedModels(Path mark) {
    this.mark = mark;
  }

  /**
   * The entry of a model.
   *
   * @param version of what checks: another one checks again
   * @throws IOException if a weight file is gone
   */
  public static CheckedModels entry(ModelGraph graph, String version) throws IOException {
    Hasher hasher = Hashing.sha256().newHasher().putString(version, StandardCharsets.UTF_8);
    for (Segment segment : graph.segments()) {
      hasher.putBytes(segment.model().toByteArray());
    }
    for (Path file : graph.weightFiles()) {
      hasher
          .putString(file.toString(), StandardCharsets.UTF_8)
          .putLong(Files.size(file))
          .putLong(Files.getLastModifiedTime(file).toMillis());
    }
    return new CheckedModels(
        CacheFolder.ofUser().root().resolve("checked").resolve(hasher.hash().toString()));
  }

  /** Whether the model was found right before. */
  public boolean isChecked() {
    return Files.exists(mark);
  }

  /**
   * Remembers that the model was found right.
   *
   * @throws IOException if the cache folder cannot be written
   */
  public void add() throws IOException {
    Files.createDirectories(mark.getParent());
    Files.write(mark, new byte[0]);
  }
}
