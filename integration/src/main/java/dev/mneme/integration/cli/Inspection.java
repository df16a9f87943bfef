package dev.mneme.integration.cli;

import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Projection;
import dev.mneme.integration.graph.RotaryTable;
import dev.mneme.integration.graph.RotaryTables;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import dev.mneme.integration.runtime.BusTraffic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@code mneme inspect} reports; its components are the properties of the JSON.
 *
 * @param model the ONNX file
 * @param vocabularySize logits per token
 * @param hiddenSize elements of a token's embedding
 * @param bytesPerToken keys and values of all layers as float32
 * @param bus bytes that a token costs between the host and a device that segments run on
 * @param layers every layer
 * @param segments every segment
 */
record Inspection(
    String model,
    int vocabularySize,
    int hiddenSize,
    long bytesPerToken,
    BusTraffic bus,
    List<Layer> layers,
    List<Part> segments) {

  /**
   * Reports on a model.
   *
   * @param memory whose working set a device gets
   */
  static Inspection of(ModelGraph graph, MemoryConfig memory) {
    return new Inspection(
        graph.onnxFile().toString(),
        graph.vocabularySize(),
        graph.hiddenSize(),
        graph.bytesPerToken(),
        BusTraffic.of(graph, memory),
        graph.layers().stream().map(Layer::of).toList(),
        graph.segments().stream().map(Part::of).toList());
  }

  /** The report for people; neighbours that differ in names alone share a line. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("model       " + model);
    lines.add("vocabulary  %d, hidden size %d".formatted(vocabularySize, hiddenSize));
    lines.add("memory      %d bytes per token (float32)".formatted(bytesPerToken));
    lines.add(
        "bus         %d bytes to decode a token on a GPU and %d to read one with kernel simd, %d and %d with onnx"
            .formatted(
                bus.decoding().simd(),
                bus.reading().simd(),
                bus.decoding().onnx(),
                bus.reading().onnx()));
    lines.add("layers      %d".formatted(layers.size()));
    lines.addAll(grouped(layers, Layer::isLike, Layer::describe));
    lines.add("segments    %d".formatted(segments.size()));
    lines.addAll(grouped(segments, Part::isLike, Part::describe));
    return lines;
  }

  private static <T> List<String> grouped(
      List<T> items, BiPredicate<T, T> alike, Function<T, String> describe) {
    List<String> lines = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= items.size(); i++) {
      if (i == items.size() || !alike.test(items.get(first), items.get(i))) {
        String range = first == i - 1 ? Integer.toString(first) : first + "-" + (i - 1);
        lines.add("  %-9s %s".formatted(range, describe.apply(items.get(first))));
        first = i;
      }
    }
    return lines;
  }

  /**
   * One attention layer.
   *
   * @param projection {@code packed} or {@code separate}
   */
  record Layer(
      String node,
      String form,
      int heads,
      int kvHeads,
      int headDim,
      float scale,
      float softcap,
      int window,
      String projection,
      Rotation rotation,
      @Nullable LongRotation beyond) {

    static Layer of(AttentionLayer layer) {
      String projection =
          switch (layer.projection()) {
            case Projection.Packed packed -> "packed";
            case Projection.Separate separate -> "separate";
          };
      return new Layer(
          layer.node(),
          layer.form(),
          layer.heads(),
          layer.kvHeads(),
          layer.headDim(),
          layer.scale(),
          layer.softcap(),
          layer.window(),
          projection,
          Rotation.of(layer.rotary().shorter()),
          LongRotation.of(layer.rotary()));
    }

    boolean isLike(Layer other) {
      return describe().equals(other.describe())
          && rotation.equals(other.rotation)
          && Objects.equals(beyond, other.beyond);
    }

    String describe() {
      return "%s: %d heads, %d key/value heads of %d, scale %s%s%s, %s projection; %s%s"
          .formatted(
              form,
              heads,
              kvHeads,
              headDim,
              scale,
              softcap == 0 ? "" : ", softcap " + softcap,
              window == 0 ? "" : ", window of " + window + " tokens, no memory",
              projection,
              rotation.describe(headDim),
              beyond == null
                  ? ""
                  : " up to %d tokens, beyond that %s"
                      .formatted(beyond.tokens, beyond.rotation.describe(headDim)));
    }
  }

  /**
   * How a layer rotates longer texts where it does so otherwise.
   *
   * @param tokens length up to which it does not
   */
  record LongRotation(int tokens, Rotation rotation) {

    static @Nullable LongRotation of(RotaryTables tables) {
      return tables.dependOnLength()
          ? new LongRotation(tables.limit(), Rotation.of(tables.longer()))
          : null;
    }
  }

  /**
   * How a layer rotates queries and keys.
   *
   * @param dimensions rotated elements of a head
   * @param pairs {@code interleaved} or {@code halves}
   * @param base of which the frequencies are powers, null if they are not
   * @param inverseFrequencies radians per position
   */
  record Rotation(
      int dimensions,
      String pairs,
      float magnitude,
      @Nullable Double base,
      List<Double> inverseFrequencies) {

    static Rotation of(RotaryTable table) {
      OptionalDouble base = table.base();
      return new Rotation(
          table.rotaryDim(),
          table.interleaved() ? "interleaved" : "halves",
          table.magnitude(),
          base.isPresent() ? base.getAsDouble() : null,
          Arrays.stream(table.inverseFrequencies()).boxed().toList());
    }

    String describe(int headDim) {
      if (dimensions == 0) {
        return "no rotation";
      }
      String frequencies =
          base == null
              ? "scaled frequencies %.4g to %.4g"
                  .formatted(inverseFrequencies.getFirst(), inverseFrequencies.getLast())
              : "theta " + Math.round(base);
      return "rotation of %s dimensions in %s, %s, magnitude %s"
          .formatted(
              dimensions == headDim ? "all" : Integer.toString(dimensions),
              pairs.equals("halves") ? "halves" : "interleaved pairs",
              frequencies,
              magnitude);
    }
  }

  /** One segment. */
  record Part(int index, List<Tensor> inputs, List<Tensor> outputs) {

    static Part of(Segment segment) {
      return new Part(
          segment.index(),
          segment.inputs().stream().map(Tensor::of).toList(),
          segment.outputs().stream().map(Tensor::of).toList());
    }

    boolean isLike(Part other) {
      return widths(inputs).equals(widths(other.inputs))
          && widths(outputs).equals(widths(other.outputs));
    }

    String describe() {
      return names(inputs) + " -> " + names(outputs);
    }

    private static List<Integer> widths(List<Tensor> tensors) {
      return tensors.stream().map(Tensor::width).toList();
    }

    private static String names(List<Tensor> tensors) {
      return tensors.stream()
          .map(tensor -> "%s [%d]".formatted(tensor.name(), tensor.width()))
          .collect(Collectors.joining(", "));
    }
  }

  /**
   * A tensor between segments.
   *
   * @param width elements per token
   */
  record Tensor(String name, String type, int width) {

    static Tensor of(TensorSpec spec) {
      return new Tensor(spec.name(), spec.type().toString().toLowerCase(Locale.ROOT), spec.width());
    }
  }
}
