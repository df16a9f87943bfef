package dev.mneme.attention.onnx;

import static dev.mneme.attention.onnx.GraphBuilder.MICROSOFT;
import static dev.mneme.attention.onnx.GraphBuilder.attribute;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Attention as a small ONNX graph on ONNX Runtime, on the execution provider of the session
 * options.
 *
 * <p>Two forms of the same attention. For several queries, the query heads of a key/value head are
 * stacked, so that its keys are packed once for the whole group, and one key/value head follows the
 * other, so that its scores stay in the cache. Every operator there works on a batch of {@link
 * QueryTile#parts()} matrices, so a thread goes on with what it wrote itself: scores need not cross
 * from core to core. A single query, as in decoding, is bound by reading the keys, and packing them
 * would double that: there, each head is a product of a vector and a matrix, for which ONNX Runtime
 * reads the keys as they lie. Tensors are views of the working set: nothing is copied in or out.
 */
public final class OnnxAttentionKernel implements AttentionKernel {

  private static final int OPSET = 17;
  private static final String SOFTCAP = "softcap";

  private final OrtEnvironment environment;
  private final AttentionShape shape;
  private final OrtSession stacked;
  private final OrtSession single;

  /**
   * Opens the kernel for one attention shape.
   *
   * @param options used for opening only; the caller keeps and closes them
   * @throws IllegalStateException if ONNX Runtime refuses the graph
   */
  public OnnxAttentionKernel(
      OrtEnvironment environment, OrtSession.SessionOptions options, AttentionShape shape) {
    this.environment = environment;
    this.shape = shape;
    try {
      stacked = environment.createSession(stackedGraph(shape).build().toByteArray(), options);
      single = environment.createSession(singleGraph(shape).build().toByteArray(), options);
    } catch (OrtException e) {
      throw new IllegalStateException("cannot open the attention graph: " + e.getMessage(), e);
    }
  }

  private static GraphBuilder emptyGraph(AttentionShape shape) {
    GraphBuilder graph = new GraphBuilder("attention", OPSET);
    return shape.softcap() == 0 ? graph : graph.initializer(SOFTCAP, new float[] {shape.softcap()});
  }

  /**
   * One key/value head after the other; {@code rows} are its query heads times a part's queries.
   */
  private static GraphBuilder stackedGraph(AttentionShape shape) {
    int dim = shape.headDim();
    GraphBuilder graph =
        emptyGraph(shape)
            .input("mask", DataType.FLOAT, "parts", 1, "queries", "width")
            .input("by_head", DataType.INT64, 4)
            .input("stacked", DataType.INT64, 3)
            .initializer("query_axis", new long[] {2}, 1);
    for (int head = 0; head < shape.kvHeads(); head++) {
      String of = of(head);
      graph
          .input("window_queries" + of, DataType.FLOAT, "parts", "rows", dim)
          .input("far_queries" + of, DataType.FLOAT, "parts", "rows", dim)
          .input("window_keys" + of, DataType.FLOAT, 1, "window", dim)
          .input("far_keys" + of, DataType.FLOAT, 1, "far", dim)
          .input("values" + of, DataType.FLOAT, 1, "width", dim)
          .output("output" + of, DataType.FLOAT, "parts", "rows", dim)
          .output("mass" + of, DataType.FLOAT, "parts", shape.group(), "width");
      // The mask is the same for all heads: they part for it and are stacked again.
      scores(graph, shape, of).node("Reshape", List.of("scores" + of, "by_head"), "parted" + of);
      weights(graph, "parted" + of, of)
          .node(
              "ReduceSum",
              List.of("weights" + of, "query_axis"),
              "mass" + of,
              attribute("keepdims", 0))
          .node("Reshape", List.of("weights" + of, "stacked"), "stacked_weights" + of)
          .node("MatMul", List.of("stacked_weights" + of, "values" + of), "output" + of);
    }
    return graph;
  }

  /** All heads at once; the weights of the only query are its mass. */
  private static GraphBuilder singleGraph(AttentionShape shape) {
    int kvHeads = shape.kvHeads();
    int group = shape.group();
    int dim = shape.headDim();
    GraphBuilder graph =
        emptyGraph(shape)
            .input("mask", DataType.FLOAT, 1, "width")
            .input("window_queries", DataType.FLOAT, kvHeads, group, 1, dim)
            .input("far_queries", DataType.FLOAT, kvHeads, group, 1, dim)
            .input("window_keys", DataType.FLOAT, kvHeads, 1, "window", dim)
            .input("far_keys", DataType.FLOAT, kvHeads, 1, "far", dim)
            .input("values", DataType.FLOAT, kvHeads, 1, "width", dim)
            .output("output", DataType.FLOAT, kvHeads, group, 1, dim)
            .output("weights", DataType.FLOAT, kvHeads, group, 1, "width");
    return weights(scores(graph, shape, ""), "scores", "")
        .node("MatMul", List.of("weights", "values"), "output");
  }

  /** The inner products with the far keys and those with the window, side by side. */
  private static GraphBuilder scores(GraphBuilder graph, AttentionShape shape, String of) {
    float softcap = shape.softcap();
    for (String part : List.of("far", "window")) {
      graph.node(
          MICROSOFT,
          "FusedMatMul",
          List.of(part + "_queries" + of, part + "_keys" + of),
          List.of(part + "_scores" + of),
          attribute("transB", 1),
          attribute("alpha", softcap == 0 ? 1 : 1 / softcap));
    }
    String joined = softcap == 0 ? "scores" + of : "unbounded" + of;
    graph.node(
        "Concat", List.of("far_scores" + of, "window_scores" + of), joined, attribute("axis", -1));
    return softcap == 0
        ? graph
        : graph
            .node("Tanh", List.of(joined), "tanh" + of)
            .node("Mul", List.of("tanh" + of, SOFTCAP), "scores" + of);
  }

  /** Softmax over the scores that the mask leaves. */
  private static GraphBuilder weights(GraphBuilder graph, String scores, String of) {
    return graph
        .node("Add", List.of(scores, "mask"), "masked_scores" + of)
        .node("Softmax", List.of("masked_scores" + of), "weights" + of, attribute("axis", -1));
  }

  /** Ending of the tensors of a key/value head. */
  private static String of(int head) {
    return "_" + head;
  }

  @Override
  public int keyPanel() {
    return 1;
  }

  @Override
  public Attention over(WorkingSet set) {
    return new OnnxAttention(set);
  }

  @Override
  public void close() {
    try {
      stacked.close();
      single.close();
    } catch (OrtException e) {
      throw new IllegalStateException("cannot close the attention graph: " + e.getMessage(), e);
    }
  }

  private final class OnnxAttention implements Attention {

    private final WorkingSet set;
    private final int kvHeads = shape.kvHeads();
    private final int dim = shape.headDim();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment byHead = arena.allocate(JAVA_LONG, 4);
    private final MemorySegment stacking = arena.allocate(JAVA_LONG, 3);
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private @Nullable QueryTile bound;

    OnnxAttention(WorkingSet set) {
      this.set = set;
    }

    @Override
    public void attend(QueryTile tile) {
      boolean alone = tile.queries() == 1;
      // Decoding attends the same tile step after step: its tensors are made once.
      if (tile != bound) {
        if (bound == null || alone != (bound.queries() == 1)) {
          unbind();
          bindSet(alone);
        }
        bindTile(tile, alone);
        bound = tile;
      }
      try {
        (alone ? single : stacked).run(inputs, Set.of(), outputs).close();
      } catch (OrtException e) {
        throw new IllegalStateException("attention failed: " + e.getMessage(), e);
      }
    }

    private void bindSet(boolean alone) {
      int far = set.far();
      int window = set.window();
      if (alone) {
        put(inputs, "far_keys", set.farKeys().memory(), kvHeads, 1, far, dim);
        put(inputs, "window_keys", set.windowKeys().memory(), kvHeads, 1, window, dim);
        put(inputs, "values", set.values(), kvHeads, 1, far + window, dim);
        return;
      }
      for (int head = 0; head < kvHeads; head++) {
        put(inputs, "far_keys" + of(head), ofHead(set.farKeys().memory(), head), 1, far, dim);
        put(
            inputs,
            "window_keys" + of(head),
            ofHead(set.windowKeys().memory(), head),
            1,
            window,
            dim);
        put(inputs, "values" + of(head), ofHead(set.values(), head), 1, far + window, dim);
      }
    }

    private void bindTile(QueryTile tile, boolean alone) {
      int group = shape.group();
      int width = set.far() + set.window();
      if (alone) {
        put(inputs, "window_queries", tile.windowQueries(), kvHeads, group, 1, dim);
        put(inputs, "far_queries", tile.farQueries(), kvHeads, group, 1, dim);
        put(inputs, "mask", tile.mask(), 1, width);
        put(outputs, "output", tile.output(), kvHeads, group, 1, dim);
        put(outputs, "weights", tile.mass(), kvHeads, group, 1, width);
        return;
      }
      int parts = tile.parts();
      int queries = tile.queries() / parts;
      int rows = group * queries;
      for (int head = 0; head < kvHeads; head++) {
        String of = of(head);
        put(inputs, "window_queries" + of, ofHead(tile.windowQueries(), head), parts, rows, dim);
        put(inputs, "far_queries" + of, ofHead(tile.farQueries(), head), parts, rows, dim);
        put(outputs, "output" + of, ofHead(tile.output(), head), parts, rows, dim);
        put(outputs, "mass" + of, ofHead(tile.mass(), head), parts, group, width);
      }
      put(inputs, "mask", tile.mask(), parts, 1, queries, width);
      replace(inputs, "by_head", shapeOf(byHead, parts, group, queries, width));
      replace(inputs, "stacked", shapeOf(stacking, parts, rows, width));
    }

    @Override
    public void close() {
      unbind();
      arena.close();
    }

    private void unbind() {
      inputs.values().forEach(OnnxTensor::close);
      outputs.values().forEach(OnnxTensor::close);
      inputs.clear();
      outputs.clear();
      bound = null;
    }

    /** The part of one key/value head, which comes first in every layout. */
    private MemorySegment ofHead(MemorySegment memory, int head) {
      long bytes = memory.byteSize() / kvHeads;
      return memory.asSlice(head * bytes, bytes);
    }

    private void put(
        Map<String, OnnxTensor> tensors, String name, MemorySegment memory, long... dims) {
      replace(tensors, name, tensor(memory, dims));
    }

    private static void replace(Map<String, OnnxTensor> tensors, String name, OnnxTensor tensor) {
      OnnxTensor before = tensors.put(name, tensor);
      if (before != null) {
        before.close();
      }
    }

    private OnnxTensor tensor(MemorySegment memory, long... dims) {
      try {
        return OnnxTensor.createTensor(
            environment,
            memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(),
            dims);
      } catch (OrtException e) {
        throw new IllegalStateException("cannot wrap a tensor: " + e.getMessage(), e);
      }
    }

    private OnnxTensor shapeOf(MemorySegment memory, long... dims) {
      MemorySegment.copy(dims, 0, memory, JAVA_LONG, 0, dims.length);
      try {
        return OnnxTensor.createTensor(
            environment,
            memory.asByteBuffer().order(ByteOrder.nativeOrder()).asLongBuffer(),
            new long[] {dims.length});
      } catch (OrtException e) {
        throw new IllegalStateException("cannot wrap a shape: " + e.getMessage(), e);
      }
    }
  }
}
