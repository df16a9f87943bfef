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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Attention as a small ONNX graph on ONNX Runtime, on the execution provider of the session
 * options.
 *
 * <p>Two forms of the same graph. For several queries, the query heads of a key/value head are
 * stacked into one matrix, so that its keys are packed once for the whole group. A single query, as
 * in decoding, is bound by reading the keys, and packing them would double that: there, each head
 * is a product of a vector and a matrix, for which ONNX Runtime reads the keys as they lie. Tensors
 * are views of the working set: nothing is copied in or out.
 */
public final class OnnxAttentionKernel implements AttentionKernel {

  private static final int OPSET = 17;

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

  private static GraphBuilder stackedGraph(AttentionShape shape) {
    GraphBuilder graph =
        products(shape, List.of("rows"), List.of())
            .input("by_head", DataType.INT64, 4)
            .input("by_kv_head", DataType.INT64, 3)
            .node("Reshape", List.of("scores", "by_head"), "head_scores");
    return softmax(graph, "head_scores")
        .node("Reshape", List.of("weights", "by_kv_head"), "kv_weights")
        .node("MatMul", List.of("kv_weights", "values"), "output");
  }

  private static GraphBuilder singleGraph(AttentionShape shape) {
    return softmax(products(shape, List.of(shape.group(), "queries"), List.of(1)), "scores")
        .node("MatMul", List.of("weights", "values"), "output");
  }

  /** Inner products of queries and keys, far and window side by side: {@code scores}. */
  private static GraphBuilder products(
      AttentionShape shape, List<Object> queryRows, List<Object> keyGroup) {
    Object[] queries = dims(shape, queryRows, List.of());
    return new GraphBuilder("attention", OPSET)
        .input("window_queries", DataType.FLOAT, queries)
        .input("far_queries", DataType.FLOAT, queries)
        .input("window_keys", DataType.FLOAT, dims(shape, keyGroup, List.of("window")))
        .input("far_keys", DataType.FLOAT, dims(shape, keyGroup, List.of("far")))
        .input("values", DataType.FLOAT, dims(shape, keyGroup, List.of("width")))
        .input("mask", DataType.FLOAT, "queries", "width")
        .output("output", DataType.FLOAT, queries)
        .output("mass", DataType.FLOAT, shape.kvHeads(), shape.group(), "width")
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
        .node("Concat", List.of("far_scores", "window_scores"), "scores", attribute("axis", -1));
  }

  private static Object[] dims(AttentionShape shape, List<Object> first, List<Object> second) {
    List<Object> dims = new ArrayList<>(List.of(shape.kvHeads()));
    dims.addAll(first);
    dims.addAll(second);
    dims.add(shape.headDim());
    return dims.toArray();
  }

  /**
   * Masked softmax of {@code [kvHeads, group, queries, width]}: {@code weights}, and their sums.
   */
  private static GraphBuilder softmax(GraphBuilder graph, String scores) {
    return graph
        .node("Add", List.of(scores, "mask"), "masked_scores")
        .node("Softmax", List.of("masked_scores"), "weights", attribute("axis", -1))
        .initializer("query_axis", new long[] {2}, 1)
        .node("ReduceSum", List.of("weights", "query_axis"), "mass", attribute("keepdims", 0));
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
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private @Nullable QueryTile bound;

    OnnxAttention(WorkingSet set) {
      this.set = set;
    }

    @Override
    public void attend(QueryTile tile) {
      // Decoding attends the same tile step after step: its tensors are made once.
      if (tile != bound) {
        bind(tile);
      }
      try {
        (tile.queries() == 1 ? single : stacked).run(inputs, Set.of(), outputs).close();
      } catch (OrtException e) {
        throw new IllegalStateException("attention failed: " + e.getMessage(), e);
      }
    }

    private void bind(QueryTile tile) {
      close();
      int kvHeads = shape.kvHeads();
      int group = shape.group();
      int dim = shape.headDim();
      int queries = tile.queries();
      int far = set.far();
      int window = set.window();
      int width = far + window;
      long[] queryDims;
      if (queries == 1) {
        queryDims = new long[] {kvHeads, group, 1, dim};
        inputs.put("far_keys", tensor(set.farKeys(), kvHeads, 1, far, dim));
        inputs.put("window_keys", tensor(set.windowKeys(), kvHeads, 1, window, dim));
        inputs.put("values", tensor(set.values(), kvHeads, 1, width, dim));
      } else {
        queryDims = new long[] {kvHeads, group * (long) queries, dim};
        inputs.put("far_keys", tensor(set.farKeys(), kvHeads, far, dim));
        inputs.put("window_keys", tensor(set.windowKeys(), kvHeads, window, dim));
        inputs.put("values", tensor(set.values(), kvHeads, width, dim));
        inputs.put("by_head", shapeOf(kvHeads, group, queries, width));
        inputs.put("by_kv_head", shapeOf(kvHeads, group * (long) queries, width));
      }
      inputs.put("window_queries", tensor(tile.windowQueries(), queryDims));
      inputs.put("far_queries", tensor(tile.farQueries(), queryDims));
      inputs.put("mask", tensor(tile.mask(), queries, width));
      outputs.put("output", tensor(tile.output(), queryDims));
      outputs.put("mass", tensor(tile.mass(), kvHeads, group, width));
      bound = tile;
    }

    @Override
    public void close() {
      inputs.values().forEach(OnnxTensor::close);
      outputs.values().forEach(OnnxTensor::close);
      inputs.clear();
      outputs.clear();
      bound = null;
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
