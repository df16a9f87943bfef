package dev.mneme.integration.cli;

import com.google.common.base.Stopwatch;
import com.google.common.base.Strings;
import dev.mneme.Generation;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.Passage;
import dev.mneme.Trace;
import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.text.ChatMessage;
import dev.mneme.integration.text.ChatTemplate;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
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
      names = "--chat",
      description =
          "as one message of a user in the model's chat template: the text with the question, or"
              + " with --memory the question alone")
  private boolean chat;

  @Option(
      names = "--memory",
      paramLabel = "DIR",
      description =
          "keep what was read in DIR, and go on from what is there: of a text that begins as before,"
              + " only the rest is read; questions and answers are not kept")
  private @Nullable Path memory;

  @Option(
      names = "--read-only",
      description = "do not change the memory in DIR, which may be open elsewhere")
  private boolean readOnly;

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
    String text = text();
    try (MnemeModel opened = model.open()) {
      ChatTemplate template = chat ? opened.chatTemplate() : null;
      if (memory == null) {
        String asked = text + Strings.nullToEmpty(question);
        try (MnemeSession session = opened.newSession()) {
          append(
              session,
              template == null
                  ? opened.tokenizer().encodeText(asked)
                  : opened.tokenizer().encode(said(template, asked)));
          answer(session, options);
        }
        return 0;
      }
      try (MnemeSession kept = kept(opened, memory, !text.isEmpty())) {
        if (!text.isEmpty()) {
          keep(kept, opened.tokenizer().encodeText(text));
        }
        try (MnemeSession asked = kept.fork()) {
          if (question != null) {
            append(asked, opened.tokenizer().encode(said(template, question)));
          }
          answer(asked, options);
        }
      }
    }
    return 0;
  }

  /** A text, or a user's message with the beginning of the answer where there is a template. */
  private static String said(@Nullable ChatTemplate template, String text) {
    return template == null ? text : template.render(List.of(ChatMessage.user(text)), true);
  }

  /** The text to read: empty where a memory goes without one. */
  private String text() throws IOException {
    boolean none = prompt == null && promptFile == null;
    boolean both = prompt != null && promptFile != null;
    if (both || (none && memory == null)) {
      throw new ParameterException(
          spec.commandLine(), "give the text by --prompt or by --prompt-file");
    }
    if (readOnly && (memory == null || !none)) {
      throw new ParameterException(
          spec.commandLine(), "--read-only is for a --memory that is asked and reads no text");
    }
    if (chat && memory != null && question == null) {
      throw new ParameterException(
          spec.commandLine(), "--chat with a --memory asks a --question: none is given");
    }
    String text = Strings.nullToEmpty(prompt);
    if (promptFile != null) {
      text =
          promptFile.toString().equals("-")
              ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
              : Files.readString(promptFile);
    }
    if (text.isEmpty() && (memory == null ? Strings.isNullOrEmpty(question) : !none)) {
      throw new ParameterException(spec.commandLine(), "the prompt is empty");
    }
    return text;
  }

  /** The session of a folder: restored where there is one, else empty where it may be. */
  private MnemeSession kept(MnemeModel opened, Path folder, boolean mayBeNew) throws IOException {
    if (mayBeNew && !MemoryFolder.exists(folder)) {
      return opened.newSession(folder);
    }
    Stopwatch watch = Stopwatch.createStarted();
    MnemeSession restored = opened.restore(folder, readOnly ? Access.READ_ONLY : Access.READ_WRITE);
    spec.commandLine()
        .getErr()
        .println("restored %,d tokens in %s".formatted(restored.tokens(), watch));
    List<String> kept = restored.madeWith().differences(opened.config());
    if (!kept.isEmpty()) {
      spec.commandLine()
          .getErr()
          .println("%s keeps what it was made with: %s".formatted(folder, String.join(", ", kept)));
    }
    return restored;
  }

  private static void keep(MnemeSession kept, int[] tokens) {
    try (ReadingProgress progress =
        ReadingProgress.start("reading", kept.tokens(), tokens.length)) {
      kept.continueTo(tokens, progress);
    }
    kept.save();
  }

  private static void append(MnemeSession session, int[] tokens) {
    int before = session.tokens();
    try (ReadingProgress progress =
        ReadingProgress.start("reading", before, before + tokens.length)) {
      session.append(tokens, progress);
    }
  }

  private void answer(MnemeSession session, GenerationOptions options) throws IOException {
    int promptTokens = session.tokens();
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
    List<Passage> passages = options.trace() ? generation.trace().passages() : List.of();
    if (options.trace()) {
      result.put("passages", passages);
    }
    report.write(result);
    if (options.trace()) {
      explain(generation.trace(), passages);
    }
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
    if (explainPng != null && passages.isEmpty()) {
      spec.commandLine().getErr().println("nothing to draw: no far memory was attended");
    } else if (explainPng != null) {
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
