package dev.mneme.integration.runtime;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Compares a cut model with the model that it was cut from, on a short random prompt that the
 * window holds whole: layer by layer what attention gives, then the logits.
 *
 * <p>Each layer is compared on the uncut model's own results of the layers before it, so what is
 * found is a fault of that layer and not one handed down.
 */
public final class SelfCheck {

  /** When a model is compared with what it was cut from. */
  public enum When {
    /** When it is opened for the first time. */
    ONCE,
    /** Whenever it is opened. */
    ALWAYS,
    /** Not at all. */
    NEVER
  }

  private static final int TOKENS = 12;

  /** Largest deviation in proportion to the largest element, in float32. */
  private static final double FLOAT32 = 1e-3;

  /** The same where results are rounded to float16 in between. */
  private static final double FLOAT16 = 2e-2;

  /** The same where products are of integers: they round otherwise where a segment ends. */
  private static final double QUANTISED = 0.2;

  private static final Set<String> QUANTISED_PRODUCTS =
      Set.of("MatMulNBits", "MatMulInteger", "DynamicQuantizeLinear", "QLinearMatMul");

  private final SegmentedModel model;
  private final ModelGraph graph;
  private final int[] prompt;
  private double deviation;

  private SelfCheck(SegmentedModel model) {
    this.model = model;
    graph = model.graph();
    prompt = new Random(1).ints(TOKENS, 0, graph.vocabularySize()).toArray();
  }

  /**
   * Compares a model with the one that it was cut from, which is open for that time.
   *
   * @return the largest deviation found, in proportion to the largest element where it was found
   * @throws UnsupportedModelException if they differ; it names the layer where that begins
   * @throws IOException if the model's file cannot be read
   */
  public static double compare(SegmentedModel model) throws IOException {
    return new SelfCheck(model).compare();
  }

  private double compare() throws IOException {
    ModelProto whole = graph.whole();
    double bound = bound(whole);
    Map<String, float[]> expected = expected(whole);
    MemoryAttention memory =
        model.newMemory(
            MemoryConfig.defaults(),
            ArenaBlockStore.factory(BlockPrecision.FLOAT32),
            ExactIndex::new);
    try (TokenReader reader = new TokenReader(model, memory, null, TOKENS)) {
      reader.read(
          prompt,
          0,
          TOKENS,
          (layer, output) -> {
            float[] right = values(expected, layer.output());
            String name = "layer %d (%s)".formatted(layer.index(), layer.node());
            deviation = Math.max(deviation, check(name, right, output, bound));
            MemorySegment.copy(right, 0, output, JAVA_FLOAT, 0, right.length);
          });
      float[] right = values(expected, graph.logits());
      int width = graph.vocabularySize();
      MemorySegment logits = MemorySegment.ofArray(new float[right.length]);
      reader.eachLogits((row, number) ->
          MemorySegment.copy(row, 0, logits, (long) number * width * Float.BYTES, row.byteSize()));
      String name = "the logits, after equal attention in all layers,";
      return Math.max(deviation, check(name, right, logits, bound));
    }
  }

  private static float[] values(Map<String, float[]> expected, String name) {
    return requireNonNull(expected.get(name), name);
  }

  private double check(String what, float[] right, MemorySegment found, double bound) {
    double largest = 0;
    double most = 0;
    for (int i = 0; i < right.length; i++) {
      largest = Math.max(largest, Math.abs(right[i]));
      double difference = Math.abs(right[i] - found.getAtIndex(JAVA_FLOAT, i));
      most = difference <= most ? most : difference; // NaN counts as a deviation
    }
    if (!(most <= bound * largest)) {
      throw new UnsupportedModelException(
          "%s: %s differs from the uncut model's by %.2g of the largest element, at most %.2g is allowed"
              .formatted(graph.onnxFile(), what, most / largest, bound));
    }
    return largest == 0 ? 0 : most / largest;
  }

  private double bound(ModelProto whole) {
    if (whole.getGraph().getNodeList().stream()
        .anyMatch(node -> QUANTISED_PRODUCTS.contains(node.getOpType()))) {
      return QUANTISED;
    }
    return whole.getGraph().getInitializerList().stream()
            .anyMatch(weight ->
                weight.getDataType() == DataType.FLOAT16_VALUE
                    || weight.getDataType() == DataType.BFLOAT16_VALUE)
        ? FLOAT16
        : FLOAT32;
  }

  /** What the uncut model makes of the prompt. */
  private Map<String, float[]> expected(ModelProto whole) throws IOException {
    Set<String> weights = new HashSet<>();
    whole.getGraph().getInitializerList().forEach(weight -> weights.add(weight.getName()));
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try (OrtSession session =
        model.runtime().open(graph.onnxFile().toString(), whole.toByteArray(), graph.folder())) {
      for (ValueInfoProto input : whole.getGraph().getInputList()) {
        if (!weights.contains(input.getName())) {
          inputs.put(input.getName(), input(input));
        }
      }
      Map<String, float[]> outputs = new HashMap<>();
      try (OrtSession.Result result = session.run(inputs)) {
        for (Map.Entry<String, OnnxValue> output : result) {
          FloatBuffer values = ((OnnxTensor) output.getValue()).getFloatBuffer();
          float[] array = new float[values.remaining()];
          values.get(array);
          outputs.put(output.getKey(), array);
        }
      }
      return outputs;
    } catch (OrtException e) {
      throw new ModelException("the uncut model failed: " + e.getMessage(), e);
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  /** Token ids, an empty cache, positions, or a mask of ones. */
  private OnnxTensor input(ValueInfoProto input) throws OrtException {
    var type = input.getType().getTensorType();
    List<Dimension> dims = type.getShape().getDimList();
    if (dims.size() == 4) {
      // Where the graph does not say, layers are alike: a cache of another size is refused.
      AttentionLayer layer = graph.layers().getFirst();
      long kvHeads = dims.get(1).getDimValue();
      long headDim = dims.get(3).getDimValue();
      long[] shape = {
        1, kvHeads > 0 ? kvHeads : layer.kvHeads(), 0, headDim > 0 ? headDim : layer.headDim()
      };
      return OnnxTensor.createTensor(
          model.runtime().environment(),
          ByteBuffer.allocateDirect(0).order(ByteOrder.nativeOrder()),
          shape,
          switch (DataType.forNumber(type.getElemType())) {
            case FLOAT16 -> OnnxJavaType.FLOAT16;
            case BFLOAT16 -> OnnxJavaType.BFLOAT16;
            case null, default -> OnnxJavaType.FLOAT;
          });
    }
    LongStream values =
        input.getName().equals(graph.tokenInput())
            ? LongStream.range(0, TOKENS).map(i -> prompt[(int) i])
            : input.getName().contains("position")
                ? LongStream.range(0, TOKENS)
                : LongStream.generate(() -> 1).limit(TOKENS);
    return OnnxTensor.createTensor(
        model.runtime().environment(), LongBuffer.wrap(values.toArray()), new long[] {1, TOKENS});
  }

  /** Sees what the attention of each layer gives, and may change it. */
  @FunctionalInterface
  interface Observer {
    void attended(AttentionLayer layer, MemorySegment output);
  }
}
