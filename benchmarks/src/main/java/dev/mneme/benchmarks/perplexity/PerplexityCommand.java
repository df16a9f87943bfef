package dev.mneme.benchmarks.perplexity;

import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.recall.Mode;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.Prose;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code mneme perplexity}: how well a model foretells a text, by position and by mode. */
@Command(
    name = "perplexity",
    description = {
      "Reads a text and tells how well the model foretold its tokens, by their position.",
      "With --distance, reads a document, so many tokens of other text, and the document again: what"
          + " is remembered is foretold better the second time.",
      "With --context, foretells samples all over the text after everything in front of them, and"
          + " again after so many tokens alone: what is remembered must not confuse the model."
    },
    mixinStandardHelpOptions = true)
public final class PerplexityCommand implements Callable<Integer> {

  private static final int FIRST_BUCKET = 1024;

  /** Samples of a text with --context. */
  private static final int SAMPLES = 16;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--text",
      paramLabel = "PATH",
      description = "a text file or a folder of them (default: sentences of our own)")
  private @Nullable Path text;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "16k",
      description = "tokens of the text, k is 1024 (default: ${DEFAULT-VALUE})")
  private String length;

  @Option(
      names = "--distance",
      paramLabel = "N",
      split = ",",
      description = "tokens between a document and itself; may be a list")
  private List<String> distances = List.of();

  @Option(
      names = "--document",
      paramLabel = "N",
      defaultValue = "512",
      description = "tokens of the document, with --distance (default: ${DEFAULT-VALUE})")
  private int document;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "tokens in front of a sample, to compare with all in front of it")
  private @Nullable String context;

  @Option(
      names = "--sample",
      paramLabel = "N",
      defaultValue = "4k",
      description = "tokens of a sample, with --context (default: ${DEFAULT-VALUE})")
  private String sample;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      split = ",",
      defaultValue = "memory",
      description = "memory, full, window or sinks; may be a list (default: ${DEFAULT-VALUE})")
  private List<Mode> modes;

  /**
   * Perplexity of a run of tokens.
   *
   * @param mode what the model attended
   * @param distance tokens between the copies; null where the text is read once
   * @param context tokens that were read in front of these; null for all
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @param perplexity the exponential of the mean negative log-likelihood
   */
  record Figure(
      String mode,
      @Nullable Integer distance,
      @Nullable Integer context,
      int from,
      int to,
      double perplexity) {}

  @Override
  public Integer call() throws IOException {
    for (Mode mode : modes) {
      if (mode == Mode.RANDOM || mode == Mode.ORACLE || mode == Mode.RAG) {
        throw new ParameterException(
            spec.commandLine(), "--mode must be memory, full, window or sinks: " + mode.label());
      }
    }
    List<Figure> figures = new ArrayList<>();
    try (MnemeModel opened = model.open()) {
      for (Mode mode : modes) {
        if (context != null) {
          samples(opened, mode, Grid.lengths(context).getFirst(), figures);
        } else if (distances.isEmpty()) {
          positions(opened, mode, figures);
        }
        for (String distance : distances) {
          repeated(opened, mode, Grid.lengths(distance).getFirst(), figures);
        }
      }
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("config", model.config());
    result.put("figures", figures);
    report.write(result);
    return 0;
  }

  private void positions(MnemeModel opened, Mode mode, List<Figure> figures) throws IOException {
    int[] tokens = tokens(opened, Grid.lengths(length).getFirst());
    float[] likelihoods = Likelihoods.of(opened, mode, tokens);
    for (int from = 1, to = FIRST_BUCKET; from < tokens.length; from = to, to *= 2) {
      add(figures, mode, null, from, Math.min(to, tokens.length), likelihoods);
    }
    add(figures, mode, null, 1, tokens.length, likelihoods);
  }

  private void samples(MnemeModel opened, Mode mode, int context, List<Figure> figures)
      throws IOException {
    int chunk = opened.config().chunk();
    int size = Grid.lengths(sample).getFirst() / chunk * chunk;
    int[] tokens = tokens(opened, Grid.lengths(length).getFirst());
    int step = tokens.length / SAMPLES / chunk * chunk;
    if (size == 0 || size > step || context >= step - size) {
      throw new ParameterException(
          spec.commandLine(),
          "%d samples of %d tokens (at least chunk: %d), each after more than %d, do not fit into %d tokens"
              .formatted(SAMPLES, size, chunk, context, tokens.length));
    }
    float[] whole =
        Likelihoods.of(opened, mode, tokens, token -> token % step >= step - size && token > 0);
    double ratios = 0;
    for (int to = step; to <= SAMPLES * step; to += step) {
      int from = to - size;
      double after = Likelihoods.perplexity(whole, from, to);
      float[] fresh = Likelihoods.of(opened, mode, Arrays.copyOfRange(tokens, from - context, to));
      double alone = Likelihoods.perplexity(fresh, context, context + size);
      add(figures, new Figure(mode.label(), null, null, from, to, after));
      add(figures, new Figure(mode.label(), null, context, from, to, alone));
      ratios += Math.log(after / alone) / SAMPLES;
    }
    spec.commandLine()
        .getOut()
        .printf(
            Locale.ROOT,
            "%-7s after all in front: %.4f x the perplexity after %,d tokens (geometric mean)%n",
            mode.label(),
            Math.exp(ratios),
            context);
  }

  private void repeated(MnemeModel opened, Mode mode, int distance, List<Figure> figures)
      throws IOException {
    int[] once = tokens(opened, document + distance);
    int[] twice =
        IntStream.concat(IntStream.of(once), IntStream.of(once).limit(document)).toArray();
    float[] likelihoods = Likelihoods.of(opened, mode, twice);
    add(figures, mode, distance, 1, document, likelihoods);
    add(figures, mode, distance, once.length, twice.length, likelihoods);
  }

  private void add(
      List<Figure> figures,
      Mode mode,
      @Nullable Integer distance,
      int from,
      int to,
      float[] likelihoods) {
    double perplexity = Likelihoods.perplexity(likelihoods, from, to);
    add(figures, new Figure(mode.label(), distance, null, from, to, perplexity));
  }

  private void add(List<Figure> figures, Figure figure) {
    figures.add(figure);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%-7s %s%s tokens %,9d to %,9d  perplexity %8.3f%n",
        figure.mode(),
        figure.distance() == null
            ? ""
            : String.format(Locale.ROOT, "distance %,d ", figure.distance()),
        figure.context() == null ? "" : String.format(Locale.ROOT, "after %,d ", figure.context()),
        figure.from(),
        figure.to(),
        figure.perplexity());
    out.flush();
  }

  /** The first tokens of the text, which must have as many: what is repeated is foretold well. */
  private int[] tokens(MnemeModel opened, int count) throws IOException {
    Prose prose = text == null ? Prose.BUILT_IN : Prose.read(text);
    // A word has a token at least.
    int[] tokens = opened.tokenizer().encodeText(prose.atMost(count));
    if (tokens.length < count) {
      throw new IOException(
          "%s has %d tokens, fewer than the %d to be read".formatted(text, tokens.length, count));
    }
    return IntStream.of(tokens).limit(count).toArray();
  }
}
