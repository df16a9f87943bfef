package dev.mneme.benchmarks.speed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.MnemeModel;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.onnx.GraphBuilder;
import dev.mneme.benchmarks.recall.Mode;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.runtime.ModelException;
import dev.mneme.integration.runtime.OnnxRuntime;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fastest that a machine could read and generate with a model: prefill is bound by arithmetic,
 * and decode by the bytes that have to come from memory. Both limits are measured through ONNX
 * Runtime, with one large float32 product each. A machine whose neighbours are busy looks slower
 * than it is: of several measurements the {@linkplain #higher highest} counts.
 *
 * @param flops floating-point operations a second of a product of large matrices
 * @param bytes bytes a second of a product of a vector with a matrix larger than any cache
 * @param prefillTokensPerSecond the linear part of a token and its attention of a full working set
 *     at {@code flops}
 * @param decodeMs milliseconds in which the weights and the working set come from memory
 */
record Roofs(double flops, double bytes, double prefillTokensPerSecond, double decodeMs) {

  private static final int ROUNDS = 8;
  private static final int ROWS = 512;
  private static final int WIDTH = 2048;
  private static final int LONG_WIDTH = 8192;

  /** Measures the machine and counts what the model needs. */
  static Roofs of(MnemeModel model) {
    double flops = 2.0 * ROWS * WIDTH * WIDTH / seconds(model.runtime(), ROWS, WIDTH, WIDTH);
    double bytes =
        (double) LONG_WIDTH
            * LONG_WIDTH
            * Float.BYTES
            / seconds(model.runtime(), 1, LONG_WIDTH, LONG_WIDTH);
    Linear linear = Linear.of(model.graph());
    MemoryConfig memory = model.config().memory();
    double attended = Mode.budget(memory);
    double attention = 0;
    double kept = 0;
    for (AttentionLayer layer : model.graph().layers()) {
      attention += 4 * attended * layer.heads() * layer.headDim();
      kept += 2 * attended * layer.kvHeads() * layer.headDim() * Float.BYTES;
    }
    return new Roofs(
        flops,
        bytes,
        flops / (2.0 * linear.inner + attention),
        1e3 * (linear.bytes + kept) / bytes);
  }

  /** The higher of two measurements of one machine and model, limit by limit. */
  Roofs higher(Roofs other) {
    return new Roofs(
        Math.max(flops, other.flops),
        Math.max(bytes, other.bytes),
        Math.max(prefillTokensPerSecond, other.prefillTokensPerSecond),
        Math.min(decodeMs, other.decodeMs));
  }

  /**
   * A model's products with weights.
   *
   * @param inner multiplications of a token, without those of the logits, which a prompt needs once
   * @param bytes of all weights of products
   */
  private record Linear(double inner, double bytes) {

    static Linear of(ModelGraph graph) {
      double inner = 0;
      double bytes = 0;
      for (Segment segment : graph.segments()) {
        GraphProto part = segment.model().getGraph();
        Map<String, TensorProto> weights = new HashMap<>();
        part.getInitializerList().forEach(w -> weights.put(w.getName(), w));
        for (NodeProto node : part.getNodeList()) {
          List<Long> sizes = List.of();
          double width = 0;
          switch (node.getOpType()) {
            case "Transpose", "Cast", "DequantizeLinear" -> {
              TensorProto weight = weights.get(node.getInput(0));
              if (weight != null) {
                weights.put(node.getOutput(0), weight);
              }
            }
            case "MatMul", "MatMulInteger", "Gemm" -> {
              TensorProto weight = weights.get(node.getInput(1));
              if (weight != null && weight.getDimsCount() == 2) {
                sizes = weight.getDimsList();
                width = width(weight);
              }
            }
            case "MatMulNBits" -> {
              sizes = List.of(attribute(node, "K"), attribute(node, "N"));
              width = attribute(node, "bits") / 8.0;
            }
            default -> {}
          }
          double size = sizes.isEmpty() ? 0 : (double) sizes.getFirst() * sizes.getLast();
          bytes += size * width;
          if (!sizes.contains((long) graph.vocabularySize())) {
            inner += size;
          }
        }
      }
      return new Linear(inner, bytes);
    }

    /** Bytes of an element. */
    private static double width(TensorProto weight) {
      return switch (DataType.forNumber(weight.getDataType())) {
        case FLOAT16, BFLOAT16 -> 2;
        case INT8, UINT8 -> 1;
        case INT4, UINT4 -> 0.5;
        case null, default -> Float.BYTES;
      };
    }

    private static long attribute(NodeProto node, String name) {
      return node.getAttributeList().stream()
          .filter(attribute -> attribute.getName().equals(name))
          .mapToLong(AttributeProto::getI)
          .findFirst()
          .orElse(0);
    }
  }

  /** The shortest time of a product {@code [rows, inner] x [inner, columns]}. */
  private static double seconds(OnnxRuntime runtime, int rows, int inner, int columns) {
    byte[] product =
        new GraphBuilder("product", 17)
            .input("a", DataType.FLOAT, rows, inner)
            .input("b", DataType.FLOAT, inner, columns)
            .output("c", DataType.FLOAT, rows, columns)
            .node("MatMul", List.of("a", "b"), "c")
            .build()
            .toByteArray();
    try (Arena arena = Arena.ofShared();
        OrtSession session = runtime.open("product", product, null);
        OnnxTensor a = tensor(runtime, arena, rows, inner);
        OnnxTensor b = tensor(runtime, arena, inner, columns);
        OnnxTensor c = tensor(runtime, arena, rows, columns)) {
      double best = Double.POSITIVE_INFINITY;
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        session.run(Map.of("a", a, "b", b), Set.of(), Map.of("c", c)).close();
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
      return best;
    } catch (OrtException e) {
      throw new ModelException("cannot measure the machine: " + e.getMessage(), e);
    }
  }

  private static OnnxTensor tensor(OnnxRuntime runtime, Arena arena, int rows, int columns)
      throws OrtException {
    MemorySegment memory = arena.allocate((long) rows * columns * Float.BYTES, 64);
    for (long i = 0; i < (long) rows * columns; i++) {
      memory.setAtIndex(JAVA_FLOAT, i, (float) (i % 7));
    }
    FloatBuffer values = memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
    return OnnxTensor.createTensor(runtime.environment(), values, new long[] {rows, columns});
  }
}
