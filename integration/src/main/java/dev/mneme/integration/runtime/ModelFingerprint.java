package dev.mneme.integration.runtime;

import com.google.common.hash.HashCode;
import com.google.common.hash.Hashing;
import com.google.common.io.MoreFiles;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What must be the same in a model for it to understand a memory: graph, weights, tokenizer, shape
 * of the attention and rotation.
 */
public final class ModelFingerprint {

  private ModelFingerprint() {}

  /**
   * Reads all files of a model: SHA-256 of the graph and the tokenizer, CRC32C of the weights,
   * which are too many bytes for more.
   *
   * @param tokenizer its file
   * @return values by name
   * @throws IOException if a file cannot be read
   */
  public static Map<String, String> of(ModelGraph graph, Path tokenizer) throws IOException {
    Map<String, String> parts = new LinkedHashMap<>();
    parts.put("graph", sha256(graph.onnxFile()));
    for (Path weights : graph.weightFiles()) {
      HashCode checksum = MoreFiles.asByteSource(weights).hash(Hashing.crc32c());
      parts.put(
          "weights " + weights.getFileName(),
          "%d bytes, CRC32C %s".formatted(Files.size(weights), checksum));
    }
    parts.put("tokenizer", sha256(tokenizer));
    AttentionLayer layer = graph.layers().getFirst();
    parts.put(
        "attention",
        "%d layers, %d heads, %d key/value heads of %d channels, scale %s"
            .formatted(
                graph.layers().size(),
                layer.heads(),
                layer.kvHeads(),
                layer.headDim(),
                layer.scale()));
    parts.put("rotation", layer.rotary().toString());
    if (graph.layers().stream().anyMatch(each -> each.window() > 0)) {
      parts.put("windows", graph.layers().stream().map(AttentionLayer::window).toList().toString());
    }
    return parts;
  }

  private static String sha256(Path file) throws IOException {
    return "SHA-256 " + MoreFiles.asByteSource(file).hash(Hashing.sha256());
  }
}
