package dev.mneme.benchmarks.recall;

import com.google.common.base.Splitter;
import com.google.common.base.Ticker;
import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.report.RecallTable;
import dev.mneme.benchmarks.task.JsonLines;
import dev.mneme.benchmarks.task.Prose;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RecallTask;
import dev.mneme.benchmarks.task.RecallWriter;
import dev.mneme.benchmarks.task.RunHeader;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.cli.ModelOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
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
    footerHeading = "%nTasks:%n",
    footer = {
      "  passkey                landmark attention's pass key in filler",
      "  passkey-infinitebench  InfiniteBench's, in lines of noise",
      "  number                 InfiniteBench's string of ten digits",
      "  kv, kv-twice           Lost in the Middle's UUID pairs; with the key in front too",
      "  kv-infinitebench, kv-keyfirst",
      "                         InfiniteBench's; InfLLM's, with the key in front",
      "  niah_single_1 to 3, niah_multikey_1 to 3, niah_multivalue, niah_multiquery,",
      "  vt, cwe, fwe           RULER's; multikey is niah_multikey_1 in noise",
      "  secrets                forty pass keys and numbers of named owners, for --shared",
      "  assign                 vLLM's variables; lines: LongEval's register contents",
      "  stream                 lines with questions in between (StreamEval)",
      "  needle, needles        Kamradt's sentence in prose; three of them",
      "  labels, chats          labels of coined words (LongMem); one of many conversations"
    },
    mixinStandardHelpOptions = true)
public final class RecallCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--task",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "passkey",
      description = "tasks, see below; may be a list (default: ${DEFAULT-VALUE})")
  private List<String> tasks;

  @Option(
      names = "--data",
      paramLabel = "FILE.jsonl",
      description =
          "samples of your own instead of a task: id, context, question, answer_prefix, answers,"
              + " max_new_tokens; or a file of InfiniteBench, LongBench, Lost in the Middle or"
              + " kvpress; may be packed (.gz)")
  private @Nullable Path data;

  @Option(
      names = "--lengths",
      paramLabel = "N",
      split = ",",
      defaultValue = "4k,16k",
      description = "tokens of a prompt, k is 1024; may be a list (default: ${DEFAULT-VALUE})")
  private List<String> lengths;

  @Option(
      names = {"--units", "--pairs"},
      paramLabel = "N",
      split = ",",
      description = "pairs, lines or words of a context in place of --lengths; may be a list")
  private List<Integer> units = List.of();

  @Option(
      names = "--depths",
      paramLabel = "N",
      split = ",",
      defaultValue = "5",
      description =
          "places of the needle: how many, spread evenly over 5 %% to 95 %%, or a list of them from"
              + " 0 to 1; 1 alone is one in the middle (default: ${DEFAULT-VALUE})")
  private List<Double> depths;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      split = ",",
      defaultValue = "memory",
      description =
          "memory, full, window, sinks, random, oracle or rag; may be a list (default:"
              + " ${DEFAULT-VALUE})")
  private List<Mode> modes;

  @Option(
      names = "--axis",
      paramLabel = "KEY=VALUE,VALUE",
      description = "asks everything with each value of a configuration key; may be repeated")
  private List<String> axes = List.of();

  @Option(
      names = "--repeats",
      paramLabel = "N",
      defaultValue = "1",
      description = "samples of each cell (default: ${DEFAULT-VALUE})")
  private int repeats;

  @Option(
      names = "--shared",
      description = "one context for all depths, read once, where the task can ask for any place")
  private boolean shared;

  @Option(
      names = "--memory",
      paramLabel = "DIR",
      description =
          "keeps the one context of all prompts (--shared) in DIR, in mode memory: an interrupted"
              + " reading goes on from its last commit")
  private @Nullable Path memory;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "chooses what is random (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--plan",
      paramLabel = "FILE.yaml",
      description =
          "all of this in a file, which counts more: tasks, lengths, units, depths, modes, repeats,"
              + " shared, seed, and settings with a list of values for each configuration key")
  private @Nullable Path planFile;

  @Option(
      names = "--haystack",
      paramLabel = "PATH",
      description = "a text file or a folder of them to hide needles in, in place of our own text")
  private @Nullable Path haystack;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "append each result to FILE as a line of JSON; results in it are not repeated")
  private @Nullable Path json;

  @Override
  public Integer call() throws IOException {
    RecallPlan plan = plan();
    List<RecallRow> rows = json == null ? new ArrayList<>() : RecallRow.readAll(json);
    List<RunHeader> before = json == null ? List.of() : RunHeader.readAll(json);
    Set<String> asked = new HashSet<>();
    try (RecallWriter writer = json == null ? null : RecallWriter.append(json)) {
      for (List<String> variant : plan.variants()) {
        try (MnemeModel opened = model.open(variant)) {
          List<Sample> samples = samples(plan, opened);
          samples.forEach(sample -> asked.add(sample.id()));
          Recording recording = new Recording(String.join(" ", variant), rows, before, writer);
          for (Mode mode : new LinkedHashSet<>(plan.modes())) {
            run(opened, mode, samples, recording);
          }
        }
      }
    }
    rows.removeIf(row -> !asked.contains(row.id()));
    PrintWriter out = out();
    RecallTable.of(rows).text().forEach(out::println);
    out.flush();
    return 0;
  }

  private RecallPlan plan() throws IOException {
    Map<String, List<String>> settings = new TreeMap<>();
    for (String axis : axes) {
      int equals = axis.indexOf('=');
      if (equals < 1) {
        throw new ParameterException(
            spec.commandLine(), "--axis is written key=value,value: " + axis);
      }
      settings.put(
          axis.substring(0, equals), Splitter.on(',').splitToList(axis.substring(equals + 1)));
    }
    RecallPlan plan =
        new RecallPlan(tasks, lengths, units, depths, repeats, seed, shared, modes, settings);
    return planFile == null ? plan : plan.with(planFile);
  }

  private List<Sample> samples(RecallPlan plan, MnemeModel opened) throws IOException {
    if (data != null) {
      return JsonLines.read(data);
    }
    Prose prose = haystack == null ? Prose.BUILT_IN : Prose.read(haystack);
    ToIntFunction<String> tokens = text -> opened.tokenizer().encodeText(text).length;
    try {
      plan.tasks().forEach(name -> RecallTask.of(name, tokens, prose));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    return plan.samples(name -> RecallTask.of(name, tokens, prose));
  }

  /**
   * Where results go.
   *
   * @param settings of the variant, blank where there is but one
   * @param before runs that the file holds already
   */
  private record Recording(
      String settings,
      List<RecallRow> rows,
      List<RunHeader> before,
      @Nullable RecallWriter writer) {

    /** The first run of the same variant whose model or configuration was another. */
    Optional<RunHeader> other(RunHeader now) {
      Set<String> runs =
          rows.stream()
              .filter(row -> row.settings().equals(settings))
              .map(RecallRow::run)
              .collect(Collectors.toSet());
      return before.stream()
          .filter(run -> runs.contains(run.run()) && !run.isOfTheSame(now))
          .findFirst();
    }

    boolean has(Sample sample, Mode mode) {
      return rows.stream()
          .anyMatch(row ->
              row.id().equals(sample.id())
                  && row.mode().equals(mode.label())
                  && row.settings().equals(settings));
    }
  }

  private void run(MnemeModel opened, Mode mode, List<Sample> samples, Recording recording)
      throws IOException {
    RunHeader header =
        Provenance.of(opened, model.name(), spec.commandLine().getParseResult(), texts());
    Optional<RunHeader> other = recording.other(header);
    if (other.isPresent()) {
      throw new IllegalArgumentException(
          "%s has results of another model, text or configuration (%s): name another file, or make it an --axis"
              .formatted(json, other.get().difference(header)));
    }
    List<Sample> open = samples.stream().filter(sample -> !recording.has(sample, mode)).toList();
    if (open.isEmpty()) {
      return;
    }
    if (memory != null && mode == Mode.MEMORY) {
      long contexts = samples.stream().map(sample -> sample.prompt().context()).distinct().count();
      if (contexts > 1) {
        throw new ParameterException(
            spec.commandLine(),
            "--memory keeps one context, and these samples have %d: ask with --shared, one length and one repeat"
                .formatted(contexts));
      }
    }
    int capacity = 0;
    if (mode == Mode.FULL) {
      for (Sample sample : open) {
        int prompt = opened.tokenizer().encodeText(sample.prompt().text()).length;
        capacity = Math.max(capacity, prompt + sample.maxNewTokens());
      }
    }
    RecallWriter writer = recording.writer();
    if (writer != null) {
      writer.write(header);
    }
    try (Recall recall =
        new Recall(opened, mode, header.run(), recording.settings(), memory, capacity)) {
      Campaign campaign = new Campaign(open, Ticker.systemTicker());
      for (int i = 0; i < open.size(); i++) {
        Sample next = i + 1 < open.size() ? open.get(i + 1) : null;
        RecallRow row = recall.ask(open.get(i), next);
        recording.rows().add(row);
        if (writer != null) {
          writer.write(row);
        }
        out().println(RecallSummary.line(row) + campaign.next());
        out().flush();
      }
    }
  }

  private Map<String, Path> texts() {
    Map<String, Path> texts = new TreeMap<>();
    if (data != null) {
      texts.put("data", data);
    } else if (haystack != null) {
      texts.put("haystack", haystack);
    }
    return texts;
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
