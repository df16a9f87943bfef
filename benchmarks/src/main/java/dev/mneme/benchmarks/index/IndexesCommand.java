package dev.mneme.benchmarks.index;

import dev.mneme.MnemeConfig;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.memory.index.GraphParameters;
import dev.mneme.memory.index.IndexKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code mneme indexes}: records the representatives and queries of a model that reads a long text,
 * and tries every kind of block index on them.
 *
 * <p>Queries are not distributed as keys are, so recall on other vectors says little about this;
 * nor do the blocks of several layers in one index, which a graph does not connect. Smaller blocks
 * make more of them of one text: {@code -s memory.blockSize=16}. A bad result would be an
 * approximate index that misses blocks, or that is slower than the exact one at all sizes.
 */
@Command(
    name = "indexes",
    description =
        "Compares recall, speed and memory of the block indexes on the queries of a model that"
            + " reads a long text.",
    mixinStandardHelpOptions = true)
public final class IndexesCommand implements Callable<Integer> {

  private static final int SMALLEST = 512;

  /** An index that misses more is not worth its speed. */
  private static final double LEAST_RECALL = 0.95;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--lengths",
      paramLabel = "N,N",
      defaultValue = "32k,128k",
      description = "tokens read, k is 1024 (default: ${DEFAULT-VALUE})")
  private String lengths;

  @Option(
      names = "--topk",
      paramLabel = "K",
      defaultValue = "8",
      description = "blocks asked for (default: ${DEFAULT-VALUE})")
  private int topK;

  @Option(
      names = "--queries",
      paramLabel = "N",
      defaultValue = "64",
      description =
          "mean queries of prefill, and single queries of decoding, that are asked of each layer"
              + " (default: ${DEFAULT-VALUE})")
  private int queries;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "of the text (default: ${DEFAULT-VALUE})")
  private long seed;

  /**
   * What was found on the recording of one text.
   *
   * @param tokens of the text
   * @param trials one of each kind of index, on all layers
   */
  record Reading(int tokens, List<IndexTrial> trials) {}

  @Override
  public Integer call() throws IOException {
    if (topK < 1 || queries < 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--topk and --queries must be positive: %d and %d".formatted(topK, queries));
    }
    MnemeConfig config = model.config();
    PrintWriter out = spec.commandLine().getOut();
    List<Reading> readings = new ArrayList<>();
    List<LayerRecording> longest = List.of();
    List<IndexTrial> ofLongest = List.of();
    for (int length : Grid.lengths(lengths)) {
      List<LayerRecording> layers = record(length);
      Reading reading = new Reading(length, IndexTrial.ofEach(layers, topK));
      out.printf("%d tokens, %d layers%n", length, layers.size());
      print(out, reading.trials);
      readings.add(reading);
      if (longest.isEmpty() || blocks(layers) > blocks(longest)) {
        longest = layers;
        ofLongest = reading.trials;
      }
    }
    out.printf("the first of these blocks%n");
    List<IndexTrial> bySize = bySize(out, longest);
    bySize.addAll(ofLongest);
    Map<IndexKind, Integer> paysFrom = paysFrom(bySize);
    for (IndexKind kind : IndexKind.values()) {
      if (kind != IndexKind.EXACT) {
        Integer from = paysFrom.get(kind);
        out.printf(
            Locale.ROOT,
            "%s, at a recall of at least %.2f, is %s%n",
            kind.name().toLowerCase(Locale.ROOT),
            LEAST_RECALL,
            from == null
                ? "never faster than exact up to %d blocks".formatted(blocks(longest))
                : "faster than exact from %d blocks".formatted(from));
      }
    }
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("config", config);
    result.put("topK", topK);
    result.put("queries", queries);
    result.put("seed", seed);
    result.put("graph", GraphParameters.defaults());
    result.put("processors", Runtime.getRuntime().availableProcessors());
    result.put("readings", readings);
    result.put("bySize", bySize);
    result.put("fasterThanExactFrom", paysFrom);
    report.write(result);
    return 0;
  }

  private List<LayerRecording> record(int length) throws IOException {
    if (length <= queries) {
      throw new ParameterException(
          spec.commandLine(),
          "a length must be more than --queries, which are read one by one: %d, --queries %d"
              .formatted(length, queries));
    }
    List<LayerRecording> layers =
        RecordedReading.record(model, length, queries, seed).stream()
            .map(layer -> layer.lastQueries(queries))
            .toList();
    if (layers.getFirst().decode().isEmpty() || layers.getFirst().prefill().isEmpty()) {
      throw new ParameterException(
          spec.commandLine(),
          "a text of %d tokens makes no far blocks to look for".formatted(length));
    }
    return layers;
  }

  private static int blocks(List<LayerRecording> layers) {
    return layers.getFirst().representatives().size();
  }

  /** Trials on ever more of the blocks of each layer. */
  private List<IndexTrial> bySize(PrintWriter out, List<LayerRecording> layers) {
    List<IndexTrial> trials = new ArrayList<>();
    for (int size = SMALLEST; size < blocks(layers); size *= 2) {
      int first = size;
      List<IndexTrial> ofSize =
          IndexTrial.ofEach(layers.stream().map(layer -> layer.firstBlocks(first)).toList(), topK);
      print(out, ofSize);
      trials.addAll(ofSize);
    }
    return trials;
  }

  /** For each kind, the least size from which on it finds nearly as much as exact, and faster. */
  private static Map<IndexKind, Integer> paysFrom(List<IndexTrial> bySize) {
    Map<IndexKind, Integer> from = new LinkedHashMap<>();
    double exact = Double.NaN;
    for (IndexTrial trial : bySize) {
      if (trial.index() == IndexKind.EXACT) {
        exact = trial.queryMicros(); // the first kind of each size
      } else if (trial.queryMicros() < exact
          && Math.min(trial.prefillRecall(), trial.decodeRecall()) >= LEAST_RECALL) {
        from.putIfAbsent(trial.index(), trial.blocks());
      } else {
        from.remove(trial.index());
      }
    }
    return from;
  }

  private static void print(PrintWriter out, List<IndexTrial> trials) {
    out.printf(
        "%-7s %7s %15s %14s %12s %9s %12s%n",
        "", "blocks", "prefill recall", "decode recall", "us to build", "us to ask", "bytes/block");
    for (IndexTrial trial : trials) {
      out.printf(
          Locale.ROOT,
          "%-7s %7d %15.4f %14.4f %12.1f %9.1f %12.0f%n",
          trial.index().name().toLowerCase(Locale.ROOT),
          trial.blocks(),
          trial.prefillRecall(),
          trial.decodeRecall(),
          trial.buildMicros(),
          trial.queryMicros(),
          trial.bytesPerBlock());
    }
    out.flush();
  }
}
