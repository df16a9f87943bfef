package dev.mneme.attention.onnx;

import static dev.mneme.attention.onnx.GraphBuilder.MICROSOFT;
import static dev.mneme.attention.onnx.GraphBuilder.attribute;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Attention as a small ONNX graph on ONNX Runtime, on the execution provider of the session
 * options.
 *
 * <p>Per key/value head, its query heads are stacked into one matrix, so that a head's keys are
 * read once for the whole group. Tensors are views of the working set: nothing is copied in or out.
 */
public final class OnnxAttentionKernel implements AttentionKernel {

  private static final int OPSET = 17;

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final AttentionShape shape;

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
      session = environment.createSession(graph(shape).build().toByteArray(), options);
    } catch (OrtException e) {
      throw new IllegalStateException("cannot open the attention graph: " + e.getMessage(), e);
    }
  }

  private static GraphBuilder graph(AttentionShape shape) {
    int kvHeads = shape.kvHeads();
    int dim = shape.headDim();
    return new GraphBuilder("attention", OPSET)
        .input("window_queries", DataType.FLOAT, kvHeads, "rows", dim)
        .input("far_queries", DataType.FLOAT, kvHeads, "rows", dim)
        .input("window_keys", DataType.FLOAT, kvHeads, "window", dim)
        .input("far_keys", DataType.FLOAT, kvHeads, "far", dim)
        .input("values", DataType.FLOAT, kvHeads, "width", dim)
        .input("mask", DataType.FLOAT, "queries", "width")
        .input("by_head", DataType.INT64, 4)
        .input("by_kv_head", DataType.INT64, 3)
        .node(
            MICROSOFT,
            "FusedMatMul",
            List.of("far_queries", "far_keys"),
            List.of("far_scores"),
            attribute("transB", 1))
        .node(
            MICROSOFT,
            "FusedMatMul",
            List.of("window_queries", "window_keys"),
            List.of("window_scores"),
            attribute("transB", 1))
        .node("Concat", List.of("far_scores", "window_scores"), "scores", attribute("axis", -1))
        .node("Reshape", List.of("scores", "by_head"), "head_scores")
        .node("Add", List.of("head_scores", "mask"), "masked_scores")
        .node("Softmax", List.of("masked_scores"), "weights", attribute("axis", -1))
        .node("Reshape", List.of("weights", "by_kv_head"), "kv_weights")
        .node("MatMul", List.of("kv_weights", "values"), "output")
        .initializer("query_axis", new long[] {2}, 1)
        .node("ReduceSum", List.of("weights", "query_axis"), "mass", attribute("keepdims", 0))
        .output("output", DataType.FLOAT, kvHeads, "rows", dim)
        .output("mass", DataType.FLOAT, kvHeads, shape.group(), "width");
  }

  @Override
  public Attention over(WorkingSet set) {
    return new OnnxAttention(set);
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("cannot close the attention graph: " + e.getMessage(), e);
    }
  }

  private final class OnnxAttention implements Attention {

    private final int far;
    private final int window;
    private final Map<String, OnnxTensor> keysAndValues = new HashMap<>();
    private final Map<String, OnnxTensor> queries = new HashMap<>();
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private @Nullable QueryTile bound;

    OnnxAttention(WorkingSet set) {
      far = set.far();
      window = set.window();
      int kvHeads = shape.kvHeads();
      int dim = shape.headDim();
      keysAndValues.put("far_keys", tensor(set.farKeys(), kvHeads, far, dim));
      keysAndValues.put("window_keys", tensor(set.windowKeys(), kvHeads, window, dim));
      keysAndValues.put("values", tensor(set.values(), kvHeads, far + window, dim));
    }

    @Override
    public void attend(QueryTile tile) {
      // Decoding attends the same tile step after step: its tensors are made once.
      if (tile != bound) {
        bind(tile);
      }
      try {
        session.run(inputs, Set.of(), outputs).close();
      } catch (OrtException e) {
        throw new IllegalStateException("attention failed: " + e.getMessage(), e);
      }
    }

    private void bind(QueryTile tile) {
      unbind();
      int kvHeads = shape.kvHeads();
      int group = shape.group();
      int count = tile.queries();
      int width = far + window;
      int rows = group * count;
      queries.put("window_queries", tensor(tile.windowQueries(), kvHeads, rows, shape.headDim()));
      queries.put("far_queries", tensor(tile.farQueries(), kvHeads, rows, shape.headDim()));
      queries.put("mask", tensor(tile.mask(), count, width));
      queries.put("by_head", shapeOf(kvHeads, group, count, width));
      queries.put("by_kv_head", shapeOf(kvHeads, rows, width));
      outputs.put("output", tensor(tile.output(), kvHeads, rows, shape.headDim()));
      outputs.put("mass", tensor(tile.mass(), kvHeads, group, width));
      inputs.putAll(keysAndValues);
      inputs.putAll(queries);
      bound = tile;
    }

    private void unbind() {
      queries.values().forEach(OnnxTensor::close);
      queries.clear();
      outputs.values().forEach(OnnxTensor::close);
      outputs.clear();
      bound = null;
    }

    @Override
    public void close() {
      unbind();
      keysAndValues.values().forEach(OnnxTensor::close);
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

    private OnnxTensor shapeOf(long... dims) {
      try {
        return OnnxTensor.createTensor(
            environment, LongBuffer.wrap(dims), new long[] {dims.length});
      } catch (OrtException e) {
        throw new IllegalStateException("cannot wrap a shape: " + e.getMessage(), e);
      }
    }
  }
}
