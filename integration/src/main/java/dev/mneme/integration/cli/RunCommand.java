package dev.mneme.integration.cli;

import dev.mneme.Generation;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.Passage;
import dev.mneme.integration.generation.GenerationOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
      names = "--passages",
      description = "after the answer, list the far passages that its last token attended")
  private boolean showPassages;

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
    List<Passage> passages = session.passages();
    if (showPassages) {
      passages.forEach(passage -> out.println(describe(passage)));
    }
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("promptTokens", promptTokens);
    result.put("answer", answer.toString());
    result.put("tokens", generation.tokens());
    result.put("finish", generation.finish());
    result.put("passages", passages);
    report.write(result);
  }

  private static String describe(Passage passage) {
    return "tokens %d to %d, chosen by %.0f %% of the layers, attention %.2f: %s"
        .formatted(
            passage.from(),
            passage.to(),
            100 * passage.layerShare(),
            passage.attention(),
            passage.text().replaceAll("\\s+", " ").strip());
  }
}
