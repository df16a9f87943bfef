package dev.mneme.integration.runtime;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
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
  private final List<LayerGroup> groups;
  private final Workers workers;
  private final List<AttentionKernel> kernels;
  private final AttentionShape shape;
  private final BoundaryPlan plan;

  private SegmentedModel(
      ModelGraph graph,
      OnnxRuntime runtime,
      List<OrtSession> sessions,
      List<LayerGroup> groups,
      Workers workers,
      List<AttentionKernel> kernels) {
    this.graph = graph;
    this.runtime = runtime;
    this.sessions = sessions;
    this.groups = groups;
    this.workers = workers;
    this.kernels = kernels;
    shape = groups.getFirst().shape();
    plan = new BoundaryPlan(graph.segments(), attentionOutputs(graph));
  }

  /**
   * Opens all segments, several at a time.
   *
   * @throws UnsupportedModelException if layers differ in a way that one memory cannot hold
   * @throws ModelException if ONNX Runtime refuses a segment
   */
  public static SegmentedModel open(ModelGraph graph, OnnxRuntime runtime) {
    List<LayerGroup> groups = LayerGroup.of(graph.layers());
    List<OrtSession> sessions = openSegments(graph, runtime);
    Workers workers = runtime.workers();
    try {
      List<AttentionKernel> kernels =
          groups.stream().map(group -> runtime.kernel(group.shape(), workers)).toList();
      return new SegmentedModel(graph, runtime, sessions, groups, workers, kernels);
    } catch (RuntimeException e) {
      workers.close();
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

  private static List<TensorSpec> attentionOutputs(ModelGraph graph) {
    List<TensorSpec> outputs = new ArrayList<>();
    for (AttentionLayer layer : graph.layers()) {
      outputs.add(new TensorSpec(layer.output(), DataType.FLOAT, layer.heads() * layer.headDim()));
    }
    return outputs;
  }

  /** Threads for attention and for finding blocks, open as long as this model. */
  public Workers workers() {
    return workers;
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
    return memory(0, config, config.largestDistance(), stores, indexes);
  }

  /** Memories of the layers that see a window only, one for each group of them after the first. */
  List<MemoryAttention> newWindows(MemoryConfig config) {
    List<MemoryAttention> windows = new ArrayList<>();
    for (int group = 1; group < groups.size(); group++) {
      windows.add(
          memory(
              group,
              groups.get(group).windowOnly(config),
              config.largestDistance(),
              ArenaBlockStore.factory(BlockPrecision.FLOAT32),
              ExactIndex::new));
    }
    return windows;
  }

  private MemoryAttention memory(
      int index,
      MemoryConfig config,
      long length,
      BlockStore.Factory stores,
      BlockIndex.Factory indexes) {
    LayerGroup group = groups.get(index);
    return new MemoryAttention(
        group.shape(),
        group.rotary(config, length),
        group.layers().size(),
        config,
        kernels.get(index),
        workers,
        stores,
        indexes);
  }

  /** Groups of layers that attend alike; the first is that of the layers with far memory. */
  List<LayerGroup> groups() {
    return groups;
  }

  /** Number of layers with far memory. */
  public int memoryLayers() {
    return groups.getFirst().layers().size();
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
    return MemoryAttention.workingBytes(shape, memoryLayers(), config);
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
    kernels.forEach(AttentionKernel::close);
    workers.close();
  }

  private static void close(OrtSession session) {
    try {
      session.close();
    } catch (OrtException e) {
      throw new ModelException("ONNX Runtime cannot close a session: " + e.getMessage(), e);
    }
  }
}
