package dev.mneme.memory.file;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/**
 * What a memory's folder holds, as of the last commit. Immutable.
 *
 * <p>Payload: layers (int32), bytes of a block (int64), bytes of a representative (int64), blocks
 * (int32), a zero (int32), number of the state file (int32, 0 for none), number of properties
 * (int32) and for each a name and a value (texts).
 *
 * @param id of the memory, in every file of it
 * @param layers of the model
 * @param blockBytes of an encoded block of one layer
 * @param vectorBytes of a representative of one layer
 * @param blocks committed, of every layer
 * @param state number of the state file, 0 for none
 * @param properties what the memory was made with, by name
 */
public record Manifest(
    UUID id,
    int layers,
    long blockBytes,
    long vectorBytes,
    int blocks,
    int state,
    Map<String, String> properties) {

  static final String MAGIC = "MNEMEMAN";

  /** Keeps a copy of the properties. */
  public Manifest {
    properties = Map.copyOf(properties);
  }

  /** A manifest of an empty memory. */
  public static Manifest empty(
      int layers, long blockBytes, long vectorBytes, Map<String, String> properties) {
    return new Manifest(UUID.randomUUID(), layers, blockBytes, vectorBytes, 0, 0, properties);
  }

  Manifest with(int blocks, int state) {
    return new Manifest(id, layers, blockBytes, vectorBytes, blocks, state, properties);
  }

  /** Records of all layers that are committed. */
  long records() {
    return (long) blocks * layers;
  }

  void write(Path path) throws IOException {
    PayloadFile.write(
        path,
        MAGIC,
        id,
        output -> {
          output.writeInt(layers);
          output.writeLong(blockBytes);
          output.writeLong(vectorBytes);
          output.writeInt(blocks);
          output.writeInt(0);
          output.writeInt(state);
          output.writeInt(properties.size());
          for (Map.Entry<String, String> property : new TreeMap<>(properties).entrySet()) {
            output.writeText(property.getKey());
            output.writeText(property.getValue());
          }
        });
  }

  static Manifest read(Path path) throws IOException {
    return PayloadFile.read(
        path,
        MAGIC,
        (header, input) -> {
          int layers = input.readInt();
          long blockBytes = input.readLong();
          long vectorBytes = input.readLong();
          int blocks = input.readInt();
          input.readInt(); // 0
          int state = input.readInt();
          Map<String, String> properties = new TreeMap<>();
          for (int left = input.readInt(); left > 0; left--) {
            properties.put(input.readText(), input.readText());
          }
          return new Manifest(
              header.id(), layers, blockBytes, vectorBytes, blocks, state, properties);
        });
  }
}
