package dev.mneme.benchmarks.demo;

import dev.mneme.Generation;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.Passage;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.benchmarks.recall.Mode;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.Prompt;
import dev.mneme.benchmarks.task.Prose;
import dev.mneme.benchmarks.task.RecallTask;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.generation.GenerationOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mneme demo}: hides a pass key in a long text and asks for it, with memory and without. */
@Command(
    name = "demo",
    description =
        "Hides a pass key in a text far longer than the model's window and asks for it, with"
            + " memory and without.",
    mixinStandardHelpOptions = true)
public final class DemoCommand implements Callable<Integer> {

  private static final int LINE = 96;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "16k",
      description = "tokens of the text, k is 1024 (default: ${DEFAULT-VALUE})")
  private String length;

  @Option(
      names = "--depth",
      paramLabel = "X",
      defaultValue = "0.25",
      description = "place of the pass key, 0 start, 1 end (default: ${DEFAULT-VALUE})")
  private double depth;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "chooses the pass key (default: ${DEFAULT-VALUE})")
  private long seed;

  @Override
  public Integer call() throws IOException {
    try (MnemeModel opened = model.open()) {
      Sample sample =
          RecallTask.of(
                  "passkey", text -> opened.tokenizer().encodeText(text).length, Prose.BUILT_IN)
              .sample(Grid.lengths(length).getFirst(), depth, seed);
      Prompt asked = sample.prompt();
      int[] prompt = opened.tokenizer().encodeText(asked.text());
      PrintWriter out = spec.commandLine().getOut();
      out.printf(
          "%s: %,d tokens of filler, and at %.0f %% of them the sentence%n  \"%s\"%n",
          model.name(), prompt.length, 100 * depth, asked.needles().getFirst().of(asked.context()));
      out.printf(
          "Asked at the end:\"%s%s ...\"%n%n",
          asked.question().replace("\n", " "), asked.answerPrefix());
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("model", model.name());
      result.put("tokens", prompt.length);
      result.put("depth", depth);
      result.put("key", asked.answers().getFirst());
      boolean remembered = false;
      for (Mode mode : List.of(Mode.MEMORY, Mode.SINKS)) {
        Map<String, Object> answer = ask(opened, mode, sample, prompt, out);
        remembered |= mode == Mode.MEMORY && Boolean.TRUE.equals(answer.get("right"));
        result.put(mode == Mode.MEMORY ? "memory" : "sinksAndWindow", answer);
      }
      report.write(result);
      if (!remembered) {
        throw new IllegalStateException("the model did not find the pass key with its memory");
      }
    }
    return 0;
  }

  private static Map<String, Object> ask(
      MnemeModel opened, Mode mode, Sample sample, int[] prompt, PrintWriter out) {
    MemoryConfig memory = mode.memory(opened.config().memory());
    out.println(describe(mode, memory));
    out.flush();
    Map<String, Object> result = new LinkedHashMap<>();
    try (MnemeSession session = opened.newSession(memory)) {
      try (ReadingProgress progress = ReadingProgress.start("reading", prompt.length)) {
        session.append(prompt, progress);
      }
      GenerationOptions options =
          GenerationOptions.builder().maxTokens(sample.maxNewTokens()).trace(true).build();
      Generation generation = session.generate(options);
      String answer = generation.rest();
      Optional<Passage> source = generation.trace().passages().stream().findFirst();
      boolean right = sample.score(answer) == 1;
      out.printf("  answer: \"%s\" - %s%n", oneLine(answer), right ? "right" : "wrong");
      source.ifPresent(passage -> out.println(describe(passage)));
      out.println();
      out.flush();
      result.put("answer", answer);
      result.put("right", right);
      source.ifPresent(passage -> result.put("source", passage));
    }
    return result;
  }

  private static String describe(Mode mode, MemoryConfig memory) {
    return mode == Mode.MEMORY
        ? "With memory: %d sinks, %d blocks of %d tokens, the last %d tokens"
            .formatted(memory.nInit(), memory.topK(), memory.blockSize(), memory.nLocal())
        : "For contrast, without memory: %d sinks, the last %d tokens"
            .formatted(memory.nInit(), memory.nLocal());
  }

  private static String describe(Passage passage) {
    String text = oneLine(passage.text());
    StringBuilder lines = new StringBuilder();
    lines.append(
        "  read from tokens %,d to %,d, the most attended of the far blocks (chosen by %.0f %% of the layers):"
            .formatted(passage.from(), passage.to(), 100 * passage.share()));
    for (int at = 0; at < text.length(); at += LINE) {
      lines.append("\n    | ").append(text, at, Math.min(text.length(), at + LINE));
    }
    return lines.toString();
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
