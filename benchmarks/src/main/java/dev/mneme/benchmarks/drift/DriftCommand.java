package dev.mneme.benchmarks.drift;

import dev.mneme.MnemeConfig;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.Prose;
import dev.mneme.benchmarks.task.RecallTask;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.integration.cli.ReadingProgress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code mneme drift}: reads one text in two configurations and compares the logits of its last
 * tokens, read one by one.
 */
@Command(
    name = "drift",
    description =
        "Compares the logits of a configuration with those of another, such as int8 blocks with"
            + " float32.",
    mixinStandardHelpOptions = true)
public final class DriftCommand implements Callable<Integer> {

  private static final double MIDDLE = 0.5;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--against",
      paramLabel = "KEY=VALUE",
      defaultValue = "blockPrecision=float32",
      description =
          "what the reference sets otherwise; may be repeated (default: ${DEFAULT-VALUE})")
  private List<String> against;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "8k",
      description = "tokens of the text, k is 1024 (default: ${DEFAULT-VALUE})")
  private String length;

  @Option(
      names = "--text-file",
      paramLabel = "FILE",
      description = "a UTF-8 text to read instead of a pass key prompt")
  private @Nullable Path text;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "64",
      description = "last tokens, whose logits are compared (default: ${DEFAULT-VALUE})")
  private int steps;

  @Override
  public Integer call() throws IOException {
    MnemeConfig config = model.config();
    MnemeConfig other = config.with(against);
    List<float[]> reference = logits(other, "reference");
    Drift drift = Drift.between(reference, logits(config, "compared"));
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%d positions: same best token %.1f %%, mean difference %.2g, largest %.2g, divergence %.2g nats%n",
        drift.positions(),
        100 * drift.sameBest(),
        drift.mean(),
        drift.largest(),
        drift.divergence());
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("config", config);
    result.put("reference", other);
    result.put("drift", drift);
    report.write(result);
    return 0;
  }

  /** Logits after each of the last tokens of the text. */
  private List<float[]> logits(MnemeConfig config, String name) throws IOException {
    try (MnemeModel opened = model.open(config);
        MnemeSession session = opened.newSession()) {
      int[] tokens = tokens(opened);
      int first = tokens.length - steps;
      if (steps < 1 || first < 1) {
        throw new ParameterException(
            spec.commandLine(),
            "--steps must be from 1 to %d, one less than the text has tokens: %d"
                .formatted(tokens.length - 1, steps));
      }
      try (ReadingProgress progress = ReadingProgress.start(name, tokens.length)) {
        session.append(Arrays.copyOf(tokens, first), progress);
        List<float[]> logits = new ArrayList<>();
        for (int i = first; i < tokens.length; i++) {
          logits.add(session.logits(tokens[i]));
          progress.accept(i + 1);
        }
        return logits;
      }
    }
  }

  private int[] tokens(MnemeModel opened) throws IOException {
    int most = Grid.lengths(length).getFirst();
    if (text != null) {
      int[] tokens = opened.tokenizer().encodeText(Files.readString(text));
      return Arrays.copyOf(tokens, Math.min(most, tokens.length));
    }
    Sample sample =
        RecallTask.of("passkey", part -> opened.tokenizer().encodeText(part).length, Prose.BUILT_IN)
            .sample(most, MIDDLE, 1);
    return opened.tokenizer().encodeText(sample.prompt().text());
  }
}
