package dev.mneme.integration.importer;

import static com.google.common.base.Preconditions.checkArgument;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What {@value #FILE} in an imported folder says: where the model came from and what belongs to it.
 *
 * @param source file name of the GGUF file
 * @param sourceSha256 its SHA-256
 * @param converter version of the conversion; folders made by another one are made anew
 * @param precision as in {@link ImportOptions}
 * @param accuracyLevel as in {@link ImportOptions}
 * @param files all other files of the folder by name
 */
record ModelManifest(
    String source,
    String sourceSha256,
    int converter,
    Precision precision,
    int accuracyLevel,
    Map<String, Entry> files) {

  static final String FILE = "mneme-model.json";

  /** Counts changes of what the conversion writes. */
  static final int CONVERTER = 1;

  private static final ObjectMapper JSON = new ObjectMapper();

  /** The manifest for the files that are in {@code folder} now. */
  static ModelManifest describe(
      Path folder, String source, String sourceSha256, ImportOptions options, Progress progress)
      throws IOException {
    List<Path> paths;
    try (Stream<Path> listed = Files.list(folder)) {
      paths = listed.toList();
    }
    long bytes = paths.stream().mapToLong(path -> path.toFile().length()).sum();
    Map<String, Entry> files = new TreeMap<>();
    try (Progress.Task task = progress.start("checking " + source + " as converted", bytes)) {
      for (Path path : paths) {
        files.put(
            path.getFileName().toString(),
            new Entry(Files.size(path), Checksum.sha256(path, task)));
      }
    }
    return new ModelManifest(
        source, sourceSha256, CONVERTER, options.precision(), options.accuracyLevel(), files);
  }

  void write(Path folder) throws IOException {
    JSON.writerWithDefaultPrettyPrinter().writeValue(folder.resolve(FILE).toFile(), this);
  }

  /** The manifest of {@code folder}, or nothing when it has none that can be read. */
  static Optional<ModelManifest> read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readValue(file.toFile(), ModelManifest.class));
    } catch (JacksonException e) {
      // Not ours or damaged: to the caller the folder is one that has to be made anew.
      return Optional.empty();
    }
  }

  /**
   * Whether {@code folder} was made from the file with this SHA-256, by the current conversion, and
   * has all its files in full length. Contents are not read: they were hashed when they were
   * written and took their place in one step.
   */
  static boolean isComplete(Path folder, String sourceSha256) throws IOException {
    Optional<ModelManifest> found = read(folder);
    if (found.isEmpty()
        || found.get().converter() != CONVERTER
        || !found.get().sourceSha256().equals(sourceSha256)) {
      return false;
    }
    for (Map.Entry<String, Entry> file : found.get().files().entrySet()) {
      Path path = folder.resolve(file.getKey());
      if (!Files.exists(path) || Files.size(path) != file.getValue().bytes()) {
        return false;
      }
    }
    return true;
  }

  /** Length and SHA-256 of a file. */
  record Entry(long bytes, String sha256) {
    Entry {
      checkArgument(bytes >= 0, "bytes must not be negative: %s", bytes);
    }
  }
}
