package dev.mneme.benchmarks.compatibility;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.common.base.Joiner;
import dev.mneme.integration.cli.ConsoleProgress;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ResidentMemory;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.integration.importer.ModelLibrary;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.ModelException;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.memory.store.NativeHeap;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code mneme compatibility}: opens exports and compares each with what it was cut from.
 *
 * <p>A bad result is a model that differs, or one that is refused without a reason that says what
 * is in the way; and an opening that takes much longer or holds much more than that of the model's
 * file by ONNX Runtime with its defaults, as one would open it without this library. Memory is what
 * the process holds in addition once a model is open, which the system rounds and counts late: it
 * is told for models of some size only.
 */
@Command(
    name = "compatibility",
    description =
        "Tells of exported models whether they are wrapped and compute the same as uncut.",
    mixinStandardHelpOptions = true)
public final class CompatibilityCommand implements Callable<Integer> {

  /** Each model is opened so many times in turn; the fastest counts. */
  private static final int OPENINGS = 3;

  /** Smaller models tell nothing about memory. */
  private static final long LEAST_WEIGHTS = 50L << 20;

  private final ResidentMemory memory = ResidentMemory.ofThisProcess();

  @Spec private CommandSpec spec;
  @Mixin private JsonReport report;

  @Parameters(
      paramLabel = "MODEL",
      arity = "1..*",
      description =
          "folders, .onnx files or names that 'mneme model --list' shows; a tokenizer is not needed")
  private List<String> models;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description = "of named models: fp32, int8 or int4 (default: ${DEFAULT-VALUE})")
  private Precision precision;

  @Option(
      names = "--markdown",
      paramLabel = "FILE",
      description = "write the table to FILE as Markdown too")
  private @Nullable Path markdown;

  /**
   * One model.
   *
   * @param model its name, or that of its folder or file
   * @param attention form of its attention
   * @param weights what most of its weights are
   * @param layers number of layers, those with a window in brackets
   * @param deviation largest of the logits in proportion to the largest; null if refused
   * @param opening seconds to open it wrapped, in proportion to opening its file with ONNX Runtime;
   *     null if refused
   * @param bytes that it holds once open wrapped, in the same proportion; null if not measured
   * @param reason why it is refused; empty if it is not
   */
  record Row(
      String model,
      String attention,
      String weights,
      String layers,
      @Nullable Double deviation,
      @Nullable Double opening,
      @Nullable Double bytes,
      String reason) {

    List<String> cells() {
      return List.of(
          model,
          attention,
          weights,
          layers,
          deviation == null ? "refused: " + reason : "equal, %.1e".formatted(deviation),
          ratio(opening),
          ratio(bytes));
    }

    private static String ratio(@Nullable Double value) {
      return value == null ? "" : String.format(Locale.ROOT, "%.2f x", value);
    }
  }

  private static final List<String> HEADER =
      List.of("model", "attention", "weights", "layers", "logits", "opening", "memory");

  @Override
  public Integer call() throws IOException {
    OnnxRuntime runtime = OnnxRuntime.open(Device.parse("cpu"), 0, true, KernelKind.AUTO);
    PrintWriter out = spec.commandLine().getOut();
    List<Row> rows = new ArrayList<>();
    ModelLibrary library = ModelLibrary.ofUser(ConsoleProgress.ofStandardError());
    for (String model : models) {
      String name = String.valueOf(Path.of(model).getFileName());
      Row row = row(name, library.resolve(model, precision), runtime);
      rows.add(row);
      out.println(Joiner.on("  ").skipNulls().join(row.cells()));
      out.flush();
    }
    report.write(Map.of("models", rows));
    if (markdown != null) {
      Files.writeString(markdown, table(rows));
    }
    return 0;
  }

  private static String table(List<Row> rows) {
    List<List<String>> lines = new ArrayList<>(List.of(HEADER));
    lines.add(HEADER.stream().map(column -> "---").toList());
    rows.forEach(row -> lines.add(row.cells()));
    return lines.stream()
        .map(cells -> "| " + String.join(" | ", cells) + " |\n")
        .collect(Collectors.joining());
  }

  private Row row(String name, Path model, OnnxRuntime runtime) throws IOException {
    ModelGraph graph;
    try {
      graph = ModelGraph.read(model);
    } catch (UnsupportedModelException e) {
      return new Row(name, "", "", "", null, null, null, reason(e));
    }
    String attention =
        graph.layers().stream()
            .map(AttentionLayer::form)
            .distinct()
            .collect(Collectors.joining(", "));
    long windows = graph.layers().stream().filter(layer -> layer.window() > 0).count();
    String layers = graph.layers().size() + (windows == 0 ? "" : " (" + windows + ")");
    String weights = weights(graph);
    try {
      double deviation;
      try (SegmentedModel wrapped = SegmentedModel.open(graph, runtime)) {
        deviation = SelfCheck.compare(wrapped);
      }
      Opening plain = new Opening();
      Opening cut = new Opening();
      for (int i = 0; i < OPENINGS; i++) {
        plain.measure(() -> plain(graph, runtime));
        cut.measure(() -> SegmentedModel.open(ModelGraph.read(model), runtime));
      }
      boolean large = bytes(graph) >= LEAST_WEIGHTS;
      return new Row(
          name,
          attention,
          weights,
          layers,
          deviation,
          cut.seconds / plain.seconds,
          large ? (double) cut.bytes / plain.bytes : null,
          "");
    } catch (UnsupportedModelException | ModelException e) {
      return new Row(name, attention, weights, layers, null, null, null, reason(e));
    }
  }

  private static String reason(RuntimeException refusal) {
    return String.valueOf(refusal.getMessage()).lines().findFirst().orElse("");
  }

  /** Opens a model's file as ONNX Runtime does when it is told nothing else. */
  private static OrtSession plain(ModelGraph graph, OnnxRuntime runtime) {
    try {
      return runtime.environment().createSession(graph.onnxFile().toString());
    } catch (OrtException e) {
      throw new ModelException(
          "ONNX Runtime cannot open " + graph.onnxFile() + ": " + e.getMessage(), e);
    }
  }

  private static long bytes(ModelGraph graph) throws IOException {
    long bytes = 0;
    for (Path file : graph.weightFiles()) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  private static long attribute(NodeProto node, String name, long otherwise) {
    return node.getAttributeList().stream()
        .filter(attribute -> attribute.getName().equals(name))
        .mapToLong(AttributeProto::getI)
        .findFirst()
        .orElse(otherwise);
  }

  /** What most of a model's weights are. */
  private static String weights(ModelGraph model) {
    Map<String, TensorProto> tensors = new HashMap<>();
    for (Segment segment : model.segments()) {
      GraphProto graph = segment.model().getGraph();
      for (NodeProto node : graph.getNodeList()) {
        switch (node.getOpType()) {
          case "MatMulNBits" -> {
            return "int" + attribute(node, "bits", 4);
          }
          case "MatMulBnb4" -> {
            return attribute(node, "quant_type", 1) == 0 ? "fp4" : "nf4";
          }
          default -> {}
        }
      }
      graph.getInitializerList().forEach(tensor -> tensors.put(tensor.getName(), tensor));
    }
    Map<Integer, Long> elements =
        tensors.values().stream()
            .collect(
                Collectors.groupingBy(
                    TensorProto::getDataType,
                    Collectors.summingLong(
                        tensor -> tensor.getDimsList().stream().reduce(1L, (a, b) -> a * b))));
    int most =
        elements.entrySet().stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse(DataType.FLOAT_VALUE);
    return switch (DataType.forNumber(most)) {
      case FLOAT -> "fp32";
      case FLOAT16 -> "fp16";
      case BFLOAT16 -> "bf16";
      case INT8, UINT8 -> "int8";
      case null, default -> "type " + most;
    };
  }

  /** Opens a model. */
  @FunctionalInterface
  private interface Opener {
    AutoCloseable open() throws IOException;
  }

  /** The fastest of some openings, and the bytes that the process held more after each. */
  private final class Opening {

    private double seconds = Double.POSITIVE_INFINITY;
    private long bytes;

    void measure(Opener opener) throws IOException {
      NativeHeap.trim();
      long before = memory.current();
      long start = System.nanoTime();
      try (AutoCloseable _ = opener.open()) {
        seconds = Math.min(seconds, (System.nanoTime() - start) / 1e9);
        NativeHeap.trim();
        bytes = Math.max(bytes, memory.current() - before);
      } catch (IOException | RuntimeException e) {
        throw e;
      } catch (OrtException e) {
        throw new ModelException("ONNX Runtime cannot close a session: " + e.getMessage(), e);
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
