package dev.mneme.integration.runtime;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import java.util.List;

/**
 * Bytes that a token costs on the bus between the host and a device that segments run on.
 *
 * <p>The Java API of ONNX Runtime keeps inputs and outputs of a session in the host's memory, so a
 * segment's cross the bus in every run: the token ids, queries, keys and values, the attention's
 * output, what segments carry over, and the logits of a token that another one follows. With the
 * kernel {@code simd} that is all. With {@code onnx} attention is a session on the device too, to
 * which the working set goes for each query that is decoded, or for each tile of them while a text
 * is read, layer by layer. Attention of layers that see a window only is counted like that of the
 * others.
 *
 * @param decoding of a token that is decoded
 * @param reading of a token of a text that is read, beyond those of its end
 */
public record BusTraffic(Placement decoding, Placement reading) {

  /**
   * Bytes by what computes attention.
   *
   * @param simd with attention on the host, of the segments alone
   * @param onnx with attention on the device, once the text fills the working set
   */
  public record Placement(long simd, long onnx) {}

  /** Counts what segments and attention of a model take and give. */
  public static BusTraffic of(ModelGraph graph, MemoryConfig memory) {
    List<Segment> segments = graph.segments();
    long reading = bytes(segments.subList(0, segments.size() - 1));
    long decoding = reading + bytes(segments.subList(segments.size() - 1, segments.size()));
    double attended = 0;
    long alone = 0;
    for (AttentionLayer layer : graph.layers()) {
      LayerGroup group = LayerGroup.alone(layer);
      MemoryConfig config = layer.window() == 0 ? memory : group.windowOnly(memory);
      int tile = MemoryAttention.tile(config);
      alone += MemoryAttention.kernelBytes(group.shape(), config, 1);
      attended += (double) MemoryAttention.kernelBytes(group.shape(), config, tile) / tile;
    }
    return new BusTraffic(
        new Placement(decoding, decoding + alone),
        new Placement(reading, reading + Math.round(attended)));
  }

  private static long bytes(List<Segment> segments) {
    long bytes = 0;
    for (Segment segment : segments) {
      for (List<TensorSpec> side : List.of(segment.inputs(), segment.outputs())) {
        for (TensorSpec tensor : side) {
          bytes +=
              (long) tensor.width() * (tensor.type() == DataType.INT64 ? Long.BYTES : Float.BYTES);
        }
      }
    }
    return bytes;
  }
}
