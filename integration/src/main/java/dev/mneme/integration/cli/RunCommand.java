package dev.mneme.integration.cli;

import dev.mneme.Generation;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.Passage;
import dev.mneme.Trace;
import dev.mneme.integration.generation.GenerationOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code mneme run}: reads a text of any length and continues it. */
@Command(
    name = "run",
    description = "Reads a text of any length and continues it, or answers a question about it.",
    mixinStandardHelpOptions = true)
public final class RunCommand implements Callable<Integer> {

  /** Passages that are listed; more of them say little. */
  private static final int LISTED = 10;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "the text to read")
  private @Nullable String prompt;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "read the text from a UTF-8 file, - for standard input")
  private @Nullable Path promptFile;

  @Option(
      names = "--question",
      paramLabel = "TEXT",
      description = "appended after the text; raw, so end it the way the answer begins")
  private @Nullable String question;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "most tokens to generate (default: ${DEFAULT-VALUE})")
  private int maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0",
      description = "0 takes the most likely token (default: ${DEFAULT-VALUE})")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      defaultValue = "0",
      description = "sample among the N most likely tokens, 0 for all (default: ${DEFAULT-VALUE})")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description = "sample among the most likely tokens of mass P (default: ${DEFAULT-VALUE})")
  private double topP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      defaultValue = "1",
      description = "above 1 discourages tokens that occurred (default: ${DEFAULT-VALUE})")
  private double repetitionPenalty;

  @Option(
      names = "--no-repeat-ngram",
      paramLabel = "N",
      defaultValue = "0",
      description = "never repeat a sequence of N tokens, 0 to allow (default: ${DEFAULT-VALUE})")
  private int noRepeatNgram;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "of the sampling (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(names = "--stop", paramLabel = "TEXT", description = "ends the answer; may be repeated")
  private List<String> stop = List.of();

  @Option(
      names = "--explain",
      description =
          "after the answer, list the far passages that it attended; --json then has all of them")
  private boolean explain;

  @Option(
      names = "--explain-json",
      paramLabel = "FILE",
      description =
          "write to FILE which blocks each layer chose for each token, with scores, attention and"
              + " text: some 20 KiB a token")
  private @Nullable Path explainJson;

  @Option(
      names = "--explain-png",
      paramLabel = "FILE",
      description = "draw to FILE how much each layer attended each block")
  private @Nullable Path explainPng;

  @Override
  public Integer call() throws IOException {
    String text = text();
    GenerationOptions options =
        GenerationOptions.builder()
            .maxTokens(maxTokens)
            .temperature(temperature)
            .topK(topK)
            .topP(topP)
            .repetitionPenalty(repetitionPenalty)
            .noRepeatNgram(noRepeatNgram)
            .seed(seed)
            .stopStrings(stop.toArray(String[]::new))
            .trace(explain || explainJson != null || explainPng != null)
            .build();
    try (MnemeModel opened = model.open();
        MnemeSession session = opened.newSession()) {
      int[] tokens = opened.tokenizer().encode(text);
      try (ReadingProgress progress = ReadingProgress.start("reading", tokens.length)) {
        session.append(tokens, progress);
      }
      answer(session, options, tokens.length);
    }
    return 0;
  }

  private String text() throws IOException {
    if ((prompt == null) == (promptFile == null)) {
      throw new ParameterException(
          spec.commandLine(), "give the text by --prompt or by --prompt-file");
    }
    String text = prompt;
    if (promptFile != null) {
      text =
          promptFile.toString().equals("-")
              ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
              : Files.readString(promptFile);
    }
    text += question == null ? "" : question;
    if (text.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "the prompt is empty");
    }
    return text;
  }

  private void answer(MnemeSession session, GenerationOptions options, int promptTokens)
      throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    StringBuilder answer = new StringBuilder();
    Generation generation = session.generate(options);
    while (generation.hasNext()) {
      String piece = generation.next();
      answer.append(piece);
      out.print(piece);
      out.flush();
    }
    out.println();
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("promptTokens", promptTokens);
    result.put("answer", answer.toString());
    result.put("tokens", generation.tokens());
    result.put("finish", generation.finish());
    if (options.trace()) {
      Trace trace = generation.trace();
      List<Passage> passages = trace.passages();
      result.put("passages", passages);
      explain(trace, passages);
    }
    report.write(result);
  }

  private void explain(Trace trace, List<Passage> passages) throws IOException {
    if (explain) {
      PrintWriter out = spec.commandLine().getOut();
      out.println();
      lines(passages).forEach(out::println);
      out.flush();
    }
    if (explainJson != null) {
      JsonReport.write(explainJson, trace);
    }
    if (explainPng != null) {
      TraceHeatmap.of(trace).write(explainPng);
    }
  }

  private static List<String> lines(List<Passage> passages) {
    if (passages.isEmpty()) {
      return List.of("The answer attended no far memory: all that was read is in the window.");
    }
    List<String> lines = new ArrayList<>();
    int shown = Math.min(LISTED, passages.size());
    lines.add(
        "Far passages that the answer attended, %d of %d, the most attended first:"
            .formatted(shown, passages.size()));
    for (int rank = 1; rank <= shown; rank++) {
      Passage passage = passages.get(rank - 1);
      lines.add(
          "%2d. tokens %d to %d, attention %.3f, chosen in %.0f %% of the layers: %s"
              .formatted(
                  rank,
                  passage.from(),
                  passage.to(),
                  passage.attention(),
                  100 * passage.share(),
                  passage.text().replaceAll("\\s+", " ").strip()));
    }
    return lines;
  }
}
