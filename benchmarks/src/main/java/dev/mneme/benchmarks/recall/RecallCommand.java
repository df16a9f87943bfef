package dev.mneme.benchmarks.recall;

import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.JsonLines;
import dev.mneme.benchmarks.task.KeyValueTask;
import dev.mneme.benchmarks.task.PasskeyTask;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RecallTask;
import dev.mneme.benchmarks.task.RecallWriter;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.cli.ModelOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code mneme recall}: how much of what it read a model can still tell. */
@Command(
    name = "recall",
    description = "Asks a model about what it read, with its memory and without.",
    mixinStandardHelpOptions = true)
public final class RecallCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--task",
      paramLabel = "NAME",
      defaultValue = PasskeyTask.NAME,
      description =
          "the task: passkey, multikey, kv or kv-infinitebench (default: ${DEFAULT-VALUE})")
  private String task;

  @Option(
      names = "--data",
      paramLabel = "FILE.jsonl",
      description =
          "samples of your own instead of a task: id, context, question, answer_prefix, answers,"
              + " max_new_tokens")
  private @Nullable Path data;

  @Option(
      names = "--lengths",
      paramLabel = "N,N",
      defaultValue = "4k,16k",
      description = "tokens of a prompt, k is 1024 (default: ${DEFAULT-VALUE})")
  private String lengths;

  @Option(
      names = "--pairs",
      paramLabel = "N",
      split = ",",
      description = "pairs of a prompt instead of --lengths, for the kv tasks; may be a list")
  private List<Integer> pairs = List.of();

  @Option(
      names = "--depths",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "places of the needle, spread evenly over 5 %% to 95 %% (default: ${DEFAULT-VALUE})")
  private int depths;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      split = ",",
      defaultValue = "memory",
      description = "memory, full, window or sinks; may be a list (default: ${DEFAULT-VALUE})")
  private List<Mode> modes;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "chooses what is random (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "append each result to FILE as a line of JSON; results in it are not repeated")
  private @Nullable Path json;

  @Override
  public Integer call() throws IOException {
    try (MnemeModel opened = model.open()) {
      List<Sample> samples = samples(opened);
      List<RecallRow> rows = json == null ? new ArrayList<>() : RecallRow.readAll(json);
      for (Mode mode : new HashSet<>(modes)) {
        run(opened, mode, samples, rows);
      }
      Set<String> asked = new HashSet<>();
      samples.forEach(sample -> asked.add(sample.id()));
      rows.removeIf(row -> !asked.contains(row.id()));
      PrintWriter out = out();
      RecallSummary.lines(rows).forEach(out::println);
      out.flush();
    }
    return 0;
  }

  private List<Sample> samples(MnemeModel opened) throws IOException {
    if (data != null) {
      return JsonLines.read(data);
    }
    RecallTask task = task(text -> opened.tokenizer().encode(text).length);
    List<Sample> samples = new ArrayList<>();
    if (!pairs.isEmpty()) {
      if (!(task instanceof KeyValueTask keyValue)) {
        throw new ParameterException(
            spec.commandLine(), "--pairs is of the kv tasks, not of " + this.task);
      }
      for (int count : pairs) {
        for (double depth : Grid.depths(depths)) {
          samples.add(keyValue.ofPairs(count, depth, seed + samples.size()));
        }
      }
      return samples;
    }
    for (int length : Grid.lengths(lengths)) {
      for (double depth : Grid.depths(depths)) {
        samples.add(task.sample(length, depth, seed + samples.size()));
      }
    }
    return samples;
  }

  private RecallTask task(ToIntFunction<String> tokens) {
    try {
      return RecallTask.of(task, tokens);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void run(MnemeModel opened, Mode mode, List<Sample> samples, List<RecallRow> rows)
      throws IOException {
    String name = mode.name().toLowerCase(Locale.ROOT);
    Set<String> done = new HashSet<>();
    rows.stream().filter(row -> row.mode().equals(name)).forEach(row -> done.add(row.id()));
    List<Sample> open = samples.stream().filter(sample -> !done.contains(sample.id())).toList();
    if (open.isEmpty()) {
      return;
    }
    List<int[]> prompts = new ArrayList<>();
    int capacity = 0;
    for (Sample sample : open) {
      prompts.add(opened.tokenizer().encode(sample.prompt()));
      capacity = Math.max(capacity, prompts.getLast().length + sample.maxNewTokens());
    }
    try (Recall recall = new Recall(opened, mode, capacity);
        RecallWriter writer = json == null ? null : RecallWriter.append(json)) {
      for (int i = 0; i < prompts.size(); i++) {
        int[] next = i + 1 < prompts.size() ? prompts.get(i + 1) : null;
        RecallRow row = recall.ask(open.get(i), prompts.get(i), next);
        rows.add(row);
        if (writer != null) {
          writer.write(row);
        }
        out().println(RecallSummary.line(row));
        out().flush();
      }
    }
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
