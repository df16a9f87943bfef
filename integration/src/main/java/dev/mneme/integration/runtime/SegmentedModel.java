package dev.mneme.integration.runtime;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.RotaryEmbedding;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.RotaryTable;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.store.BlockStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;

/**
 * A cut model, ready to run: an ONNX Runtime session for each segment and one for the attention
 * between them. The sessions read their weights from the model's own file. Thread-safe; the
 * sessions of many conversations share it.
 */
public final class SegmentedModel implements AutoCloseable {

  private final ModelGraph graph;
  private final OnnxRuntime runtime;
  private final List<OrtSession> sessions;
  private final AttentionKernel kernel;
  private final AttentionShape shape;
  private final BoundaryPlan plan;

  private SegmentedModel(
      ModelGraph graph,
      OnnxRuntime runtime,
      List<OrtSession> sessions,
      AttentionKernel kernel,
      AttentionShape shape) {
    this.graph = graph;
    this.runtime = runtime;
    this.sessions = sessions;
    this.kernel = kernel;
    this.shape = shape;
    plan = new BoundaryPlan(graph.segments(), attentionOutputs(graph));
  }

  /**
   * Opens all segments, several at a time.
   *
   * @throws UnsupportedModelException if layers differ in a way that one memory cannot hold
   * @throws ModelException if ONNX Runtime refuses a segment
   */
  public static SegmentedModel open(ModelGraph graph, OnnxRuntime runtime) {
    AttentionShape shape = uniformShape(graph.layers());
    List<OrtSession> sessions = openSegments(graph, runtime);
    try (OrtSession.SessionOptions options = runtime.options(null)) {
      AttentionKernel kernel = new OnnxAttentionKernel(runtime.environment(), options, shape);
      return new SegmentedModel(graph, runtime, sessions, kernel, shape);
    } catch (RuntimeException e) {
      sessions.forEach(SegmentedModel::close);
      throw e;
    }
  }

  private static List<OrtSession> openSegments(ModelGraph graph, OnnxRuntime runtime) {
    List<Segment> segments = graph.segments();
    OrtSession[] opened = new OrtSession[segments.size()];
    try {
      IntStream.range(0, opened.length)
          .parallel()
          .forEach(i ->
              opened[i] =
                  runtime.open(
                      "segment " + i + " of " + graph.onnxFile(),
                      segments.get(i).model().toByteArray(),
                      graph.folder()));
      return List.of(opened);
    } catch (ModelException | CompletionException e) {
      for (OrtSession session : opened) {
        if (session != null) {
          close(session);
        }
      }
      throw e;
    }
  }

  private static AttentionShape uniformShape(List<AttentionLayer> layers) {
    AttentionLayer first = layers.getFirst();
    for (AttentionLayer layer : layers) {
      if (layer.heads() != first.heads()
          || layer.kvHeads() != first.kvHeads()
          || layer.headDim() != first.headDim()
          || layer.scale() != first.scale()
          || layer.softcap() != first.softcap()
          || !layer.rotary().equals(first.rotary())) {
        throw new UnsupportedModelException(
            "layers %s and %s differ in heads, head size, scale, softcap or rotation"
                .formatted(first.node(), layer.node()));
      }
    }
    return new AttentionShape(
        first.heads(), first.kvHeads(), first.headDim(), first.scale(), first.softcap());
  }

  private static List<TensorSpec> attentionOutputs(ModelGraph graph) {
    List<TensorSpec> outputs = new ArrayList<>();
    for (AttentionLayer layer : graph.layers()) {
      outputs.add(new TensorSpec(layer.output(), DataType.FLOAT, layer.heads() * layer.headDim()));
    }
    return outputs;
  }

  /** What was read from the model's graph. */
  public ModelGraph graph() {
    return graph;
  }

  /**
   * An empty memory for this model; the caller closes it before this model.
   *
   * @param stores opens the stores of its far blocks
   * @param indexes opens the indexes that find them
   */
  public MemoryAttention newMemory(
      MemoryConfig config, BlockStore.Factory stores, BlockIndex.Factory indexes) {
    RotaryTable table = graph.layers().getFirst().rotary();
    RotaryEmbedding rotary =
        new RotaryEmbedding(
            table.inverseFrequencies(),
            table.magnitude(),
            table.interleaved(),
            config.distanceScale());
    return new MemoryAttention(
        shape, rotary, graph.layers().size(), config, kernel, stores, indexes);
  }

  /** Bytes of one far block of one layer, without its representative. */
  public long blockBytes(MemoryConfig config, BlockPrecision precision) {
    BlockShape block = new BlockShape(shape.kvHeads(), config.blockSize(), shape.headDim());
    return precision.codec(block).bytes();
  }

  /** Bytes of the representative of one far block of one layer. */
  public long representativeBytes() {
    return (long) shape.heads() * shape.headDim() * Float.BYTES;
  }

  /** Most bytes of the working sets of a session, all layers together. */
  public long workingBytes(MemoryConfig config) {
    return MemoryAttention.workingBytes(shape, graph.layers().size(), config);
  }

  /** What runs its sessions. */
  public OnnxRuntime runtime() {
    return runtime;
  }

  BoundaryPlan plan() {
    return plan;
  }

  OrtSession session(int segment) {
    return sessions.get(segment);
  }

  /** Frees the sessions; no memory or reader of this model may be in use. */
  @Override
  public void close() {
    sessions.forEach(SegmentedModel::close);
    kernel.close();
  }

  private static void close(OrtSession session) {
    try {
      session.close();
    } catch (OrtException e) {
      throw new ModelException("ONNX Runtime cannot close a session: " + e.getMessage(), e);
    }
  }
}
