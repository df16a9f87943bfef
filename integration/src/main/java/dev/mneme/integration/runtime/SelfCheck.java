package dev.mneme.integration.runtime;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Positions;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.RotaryTables;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Compares a cut model with the model that it was cut from, on a short random prompt that the
 * window holds whole: layer by layer what attention gives, then the logits.
 *
 * <p>Each layer is compared on what the uncut model's attention gave in the layers before it, so
 * what is found is a fault of that layer and not one handed down. A segment then computes from the
 * same numbers as the uncut model by the same operators, and both differ by the rounding of one
 * attention only.
 *
 * <p>A model that rotates texts beyond some length otherwise is compared on the same prompt with
 * both rotations.
 *
 * <p>Unless ONNX Runtime fuses operators otherwise where a segment ends: then the last bits differ,
 * and products that round activations to 8 bits make much of that. An activation that lies between
 * two steps goes to the other one, which is 1/127 of the largest of its block away; that moves all
 * later activations of the token by more than last bits, many of which go to another step in turn.
 * After a few products the two are as far from each other as each is from what it would be without
 * rounding, however small the first difference was: no bound lies between that and a fault. So
 * where a model differs that rounds activations, it is compared again {@linkplain
 * ModelGraph#withFloatProducts without rounding}, by the bound of floating point. If it is equal
 * then, it is cut right.
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

  /**
   * The same where the graph itself rounds activations to integers, which cannot be left out: a
   * little more than what last bits that differ have been seen to become.
   */
  private static final double INTEGER = 0.2;

  private static final Set<String> TO_INTEGERS =
      Set.of("DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul", "QuantizeLinear");

  private final SegmentedModel model;
  private final ModelGraph graph;
  private final int[] prompt;
  private final int length;
  private double deviation;

  private SelfCheck(SegmentedModel model, int length) {
    this.model = model;
    this.length = length;
    graph = model.graph();
    prompt = new Random(1).ints(TOKENS, 0, graph.vocabularySize()).toArray();
  }

  /**
   * Compares a model with the one that it was cut from, which is open for that time.
   *
   * @return the largest deviation found, in proportion to the largest element where it was found;
   *     without rounding of activations if the model had to be compared again
   * @throws UnsupportedModelException if they differ; it names the layer where that begins
   * @throws IOException if the model's file cannot be read
   */
  public static double compare(SegmentedModel model) throws IOException {
    try {
      return compareLengths(model);
    } catch (UnsupportedModelException difference) {
      if (!model.graph().roundsActivations()) {
        throw difference;
      }
    }
    try (SegmentedModel exact =
        SegmentedModel.open(model.graph().withFloatProducts(), model.runtime())) {
      return compareLengths(exact);
    }
  }

  /** Compares with each rotation that the model has. */
  private static double compareLengths(SegmentedModel model) throws IOException {
    double deviation = new SelfCheck(model, TOKENS).compare();
    OptionalInt limit =
        model.graph().layers().stream()
            .map(AttentionLayer::rotary)
            .filter(RotaryTables::dependOnLength)
            .mapToInt(RotaryTables::limit)
            .findFirst();
    return limit.isEmpty()
        ? deviation
        : Math.max(deviation, new SelfCheck(model, limit.getAsInt() + 1).compare());
  }

  private double compare() throws IOException {
    double bound = bound();
    MemoryAttention memory =
        model.newMemory(
            MemoryConfig.windowOnly(TOKENS).toBuilder()
                .positions(Positions.INFLLM)
                .farDistance(length)
                .build(),
            ArenaBlockStore.factory(BlockPrecision.FLOAT32),
            ExactIndex::new);
    try (TokenReader reader = new TokenReader(model, memory, null, TOKENS);
        UncutModel uncut = UncutModel.observed(graph, model.runtime(), length, TOKENS)) {
      uncut.read(prompt, 0, TOKENS);
      reader.read(
          prompt,
          0,
          TOKENS,
          (layer, output) -> {
            MemorySegment right = uncut.rows(layer.output());
            String name = "layer %d (%s)".formatted(layer.index(), layer.node());
            deviation = Math.max(deviation, check(name, right, output, bound));
            MemorySegment.copy(right, 0, output, 0, right.byteSize());
          });
      MemorySegment right = uncut.rows(graph.logits());
      MemorySegment logits = MemorySegment.ofArray(new float[TOKENS * graph.vocabularySize()]);
      reader.eachLogits((row, number) ->
          MemorySegment.copy(row, 0, logits, number * row.byteSize(), row.byteSize()));
      String name = "the logits, after equal attention in all layers,";
      return Math.max(deviation, check(name, right, logits, bound));
    }
  }

  private double check(String what, MemorySegment right, MemorySegment found, double bound) {
    double largest = 0;
    double most = 0;
    for (long i = 0; i < right.byteSize() / Float.BYTES; i++) {
      float expected = right.getAtIndex(JAVA_FLOAT, i);
      largest = Math.max(largest, Math.abs(expected));
      double difference = Math.abs(expected - found.getAtIndex(JAVA_FLOAT, i));
      most = difference <= most ? most : difference; // NaN counts as a deviation
    }
    if (!(most <= bound * largest)) {
      throw new UnsupportedModelException(
          "%s: %s differs from the uncut model's by %.2g of the largest element, at most %.2g is allowed"
              .formatted(graph.onnxFile(), what, most / largest, bound));
    }
    return largest == 0 ? 0 : most / largest;
  }

  private double bound() {
    if (anySegment(
        part ->
            part.getNodeList().stream().anyMatch(node -> TO_INTEGERS.contains(node.getOpType())))) {
      return INTEGER;
    }
    return anySegment(part ->
        part.getInitializerList().stream().anyMatch(weight -> isHalf(weight.getDataType())))
        ? FLOAT16
        : FLOAT32;
  }

  private boolean anySegment(Predicate<GraphProto> test) {
    return graph.segments().stream().map(segment -> segment.model().getGraph()).anyMatch(test);
  }

  private static boolean isHalf(int type) {
    return type == DataType.FLOAT16_VALUE || type == DataType.BFLOAT16_VALUE;
  }

  /** Sees what the attention of each layer gives, and may change it. */
  @FunctionalInterface
  interface Observer {
    void attended(AttentionLayer layer, MemorySegment output);
  }
}
