package dev.mneme;

import com.google.common.collect.Sets;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.StateWriter;
import dev.mneme.memory.file.RecordFile;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What the folder of a session says about the model and the configuration it was made with. */
final class SessionFolder {

  private static final String CONFIGURATION = "configuration";

  /** Before the name of each part of the model's fingerprint. */
  private static final String MODEL = "model ";

  private SessionFolder() {}

  /** Properties of a new folder. */
  static Map<String, String> properties(
      Map<String, String> fingerprint, MemoryConfig memory, BlockPrecision precision) {
    Map<String, String> properties = new TreeMap<>();
    fingerprint.forEach((name, value) -> properties.put(MODEL + name, value));
    MnemeConfig config =
        MnemeConfig.builder()
            .chunk(memory.queryBlock())
            .blockPrecision(precision)
            .memory(memory)
            .build();
    properties.put(CONFIGURATION, config.toYaml());
    return properties;
  }

  /** The memory and the precision that a folder was made with; nothing else of it is meaningful. */
  static MnemeConfig configuration(MemoryFolder folder) throws IOException {
    String yaml = folder.manifest().properties().get(CONFIGURATION);
    if (yaml == null) {
      throw new IOException(folder.folder() + ": the manifest has no configuration");
    }
    try {
      // Before these keys were there, ordered blocks stood close together, and nothing was copied.
      return MnemeConfig.parse(yaml)
          .with(
              Stream.of("maxGap", "prefixMatch")
                  .filter(key -> !yaml.contains(key))
                  .map(key -> "memory." + key + "=0")
                  .toList());
    } catch (IllegalArgumentException e) {
      throw new IOException(folder.folder() + ": " + e.getMessage(), e);
    }
  }

  /** Refuses the memory of another model. */
  static void check(MemoryFolder folder, Map<String, String> fingerprint) throws IOException {
    Map<String, String> made = new TreeMap<>();
    folder
        .manifest()
        .properties()
        .forEach((name, value) -> {
          if (name.startsWith(MODEL)) {
            made.put(name.substring(MODEL.length()), value);
          }
        });
    for (String part : Sets.union(made.keySet(), fingerprint.keySet())) {
      if (!Objects.equals(made.get(part), fingerprint.get(part))) {
        throw new IOException(
            "%s is the memory of another model: %s: expected %s, found %s"
                .formatted(folder.folder(), part, fingerprint.get(part), made.get(part)));
      }
    }
  }

  /**
   * Writes a whole memory to a folder, which appears when all of it is there.
   *
   * @param folder absent or empty
   */
  static void write(Path folder, Manifest empty, MemoryAttention memory, StateWriter state)
      throws IOException {
    checkEmpty(folder);
    Path partial = folder.resolveSibling(folder.getFileName() + ".partial");
    if (Files.exists(partial)) {
      MemoryFolder.delete(partial);
    }
    try {
      fill(partial, empty, memory, state);
      Files.move(partial, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      try {
        MemoryFolder.delete(partial);
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private static void checkEmpty(Path folder) throws IOException {
    if (MemoryFolder.exists(folder)) {
      throw new IOException(folder + " already holds a memory");
    }
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        if (files.findAny().isPresent()) {
          throw new IOException(folder + " is not empty");
        }
      }
    }
  }

  private static void fill(Path folder, Manifest empty, MemoryAttention memory, StateWriter state)
      throws IOException {
    try (MemoryFolder target = MemoryFolder.create(folder, empty);
        Arena arena = Arena.ofConfined()) {
      RecordFile blocks = target.blocks();
      RecordFile vectors = target.vectors();
      MemorySegment block = blocks.buffer(arena);
      MemorySegment vector = vectors.buffer(arena);
      for (int number = 0; number < memory.blocks(); number++) {
        for (int layer = 0; layer < memory.layers(); layer++) {
          BlockStore store = memory.store(layer);
          long record = target.record(number, layer);
          store.readEncoded(number, block);
          blocks.write(record, block);
          float[] representative = new float[store.dimension()];
          store.readRepresentative(number, representative);
          MemorySegment.copy(
              representative, 0, vector, ValueLayout.JAVA_FLOAT, 0, representative.length);
          vectors.write(record, vector);
        }
      }
      target.commit(memory.blocks(), state);
    }
  }
}
