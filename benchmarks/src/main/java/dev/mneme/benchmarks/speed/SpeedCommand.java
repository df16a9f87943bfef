package dev.mneme.benchmarks.speed;

import com.google.common.collect.Lists;
import com.google.common.math.Quantiles;
import dev.mneme.MnemeModel;
import dev.mneme.attention.Stage;
import dev.mneme.benchmarks.recall.Reader;
import dev.mneme.benchmarks.recall.SessionReader;
import dev.mneme.benchmarks.recall.UncutReader;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.cli.ResidentMemory;
import dev.mneme.integration.runtime.UncutModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code mneme speed}: prefill and decode of the uncut model and of the same model behind a memory,
 * in turn, in one process and with the same chunk size.
 *
 * <p>Absolute figures depend on the machine and on what else it does; the ratios are what to read.
 * A bad result would be a ratio of prefill below 1 at lengths beyond the window, or speed that
 * falls with the length.
 */
@Command(
    name = "speed",
    description = "Compares the speed of a model behind a memory with that of the uncut model.",
    mixinStandardHelpOptions = true)
public final class SpeedCommand implements Callable<Integer> {

  /**
   * Any text will do, as speed does not depend on what is read: ids from here on where the
   * vocabulary has them.
   */
  private static final int LOWEST_TOKEN = 1000;

  private static final int TOKENS = 10_000;

  /** From this length on the working set is full, so speed should not change any more. */
  private static final int FLAT_FROM = 8192;

  /** Tokens at the end of a text that are timed apart, or its last half where that is fewer. */
  private static final int LAST = 4096;

  private final ResidentMemory memory = ResidentMemory.ofThisProcess();

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--lengths",
      paramLabel = "N,N",
      defaultValue = "4k,8k,16k,32k",
      description = "tokens read through the memory, k is 1024 (default: ${DEFAULT-VALUE})")
  private String lengths;

  @Option(
      names = "--uncut-lengths",
      paramLabel = "N,N",
      defaultValue = "1k,4k,16k",
      description = "tokens read by the uncut model (default: ${DEFAULT-VALUE})")
  private String uncutLengths;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "32",
      description = "decode steps, of which the median counts (default: ${DEFAULT-VALUE})")
  private int steps;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "1",
      description = "repeats all; medians count (default: ${DEFAULT-VALUE})")
  private int rounds;

  @Option(
      names = "--other",
      paramLabel = "KEY=VALUE",
      description = "measures another configuration too: this one with a key set; may be repeated")
  private List<String> other = List.of();

  /**
   * One measurement.
   *
   * @param subject uncut, mneme or other
   * @param tokens length of the prompt
   * @param prefillTokensPerSecond speed of reading it, the first logits included
   * @param lastTokensPerSecond speed of reading its last {@link #LAST} tokens: what a token costs
   *     there, while the mean tells of a working set that had to fill as well
   * @param decodeMs median milliseconds of a decode step behind it
   * @param peakBytes most resident bytes of the process meanwhile, all models included
   * @param prefillShares share of each stage in the time of reading; empty for the uncut model
   * @param decodeShares share of each stage in the time of the decode steps
   */
  record Measurement(
      String subject,
      int tokens,
      double prefillTokensPerSecond,
      double lastTokensPerSecond,
      double decodeMs,
      long peakBytes,
      Map<Stage, Double> prefillShares,
      Map<Stage, Double> decodeShares) {}

  @Override
  public Integer call() throws IOException {
    if (steps < 1) {
      throw new ParameterException(spec.commandLine(), "--steps must be positive: " + steps);
    }
    List<Integer> through = Grid.lengths(lengths);
    List<Integer> uncut = Grid.lengths(uncutLengths);
    List<Measurement> measured = new ArrayList<>();
    Roofs roofs;
    try (MnemeModel opened = model.open();
        MnemeModel second = other.isEmpty() ? null : model.open(other);
        UncutModel whole =
            UncutModel.open(
                opened.graph(),
                opened.runtime(),
                Collections.max(uncut) + steps,
                opened.config().chunk())) {
      roofs = Roofs.of(opened);
      int vocabulary = opened.graph().vocabularySize();
      List<Integer> all =
          Stream.concat(through.stream(), uncut.stream()).distinct().sorted().toList();
      // The first text that a JVM reads is slower: code is not compiled, memory not touched yet.
      int[] shortUncut = text(Collections.min(uncut), vocabulary);
      measure("warm-up", new UncutReader(opened, whole), shortUncut);
      int[] shortThrough = text(Collections.min(through), vocabulary);
      measure("warm-up", new SessionReader(opened.newSession()), shortThrough);
      for (int round = 0; round < rounds; round++) {
        // Neighbours in time are compared: a machine's speed drifts.
        for (int length : all) {
          int[] text = text(length, vocabulary);
          if (uncut.contains(length)) {
            measured.add(measure("uncut", new UncutReader(opened, whole), text));
          }
          if (through.contains(length)) {
            measured.add(measure("mneme", new SessionReader(opened.newSession()), text));
            if (second != null) {
              measured.add(measure("other", new SessionReader(second.newSession()), text));
            }
          }
          roofs = roofs.higher(Roofs.of(opened));
        }
      }
    }
    List<Measurement> medians = medians(measured);
    print(medians, roofs);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("measurements", medians);
    result.put("roofs", roofs);
    result.put("processors", Runtime.getRuntime().availableProcessors());
    report.write(result);
    return 0;
  }

  /** A text of a length in which nothing means anything. */
  static int[] text(int length, int vocabulary) {
    int highest = Math.min(vocabulary, LOWEST_TOKEN + TOKENS);
    int lowest = highest > LOWEST_TOKEN ? LOWEST_TOKEN : 0;
    return new Random(length).ints(length, lowest, highest).toArray();
  }

  private Measurement measure(String subject, Reader opened, int[] prompt) {
    memory.resetPeak();
    int length = prompt.length;
    try (Reader reader = opened;
        ReadingProgress progress = ReadingProgress.start(subject + " " + length, length)) {
      Lap all = new Lap(0);
      Lap last = new Lap(length - Math.min(LAST, length / 2));
      reader.read(prompt, last.andThen(progress));
      double speed = all.tokensPerSecond(length);
      double lastSpeed = last.tokensPerSecond(length);
      Map<Stage, Duration> prefill = reader.times();
      double[] milliseconds = new double[steps];
      for (int step = 0; step < steps; step++) {
        long before = System.nanoTime();
        reader.feed(reader.best());
        milliseconds[step] = (System.nanoTime() - before) / 1e6;
      }
      return new Measurement(
          subject,
          length,
          speed,
          lastSpeed,
          Quantiles.median().compute(milliseconds),
          memory.peak(),
          shares(Map.of(), prefill),
          shares(prefill, reader.times()));
    }
  }

  /** Times the reading of a text from one of its tokens on, or from the end of the chunk before. */
  private static final class Lap implements IntConsumer {

    private final int from;
    private int before;
    private long start = System.nanoTime();

    Lap(int from) {
      this.from = from;
    }

    @Override
    public void accept(int tokens) {
      if (tokens <= from) {
        before = tokens;
        start = System.nanoTime();
      }
    }

    double tokensPerSecond(int tokens) {
      return (tokens - before) / ((System.nanoTime() - start) / 1e9);
    }
  }

  /** Share of each stage in the time between two readings of a clock. */
  private static Map<Stage, Double> shares(
      Map<Stage, Duration> before, Map<Stage, Duration> after) {
    Map<Stage, Double> spent = new EnumMap<>(Stage.class);
    after.forEach((stage, time) ->
        spent.put(stage, (double) time.minus(before.getOrDefault(stage, Duration.ZERO)).toNanos()));
    double all = spent.values().stream().mapToDouble(Double::doubleValue).sum();
    spent.replaceAll((stage, nanoseconds) -> nanoseconds / all);
    return spent;
  }

  /** The means of shares, whose sum stays 1 as that of medians would not. */
  private static Map<Stage, Double> means(
      List<Measurement> measured, Function<Measurement, Map<Stage, Double>> shares) {
    Map<Stage, Double> means = new EnumMap<>(Stage.class);
    for (Measurement m : measured) {
      shares
          .apply(m)
          .forEach((stage, share) -> means.merge(stage, share / measured.size(), Double::sum));
    }
    return means;
  }

  private static List<Measurement> medians(List<Measurement> measured) {
    List<Measurement> medians = new ArrayList<>();
    for (Measurement first : measured) {
      if (find(medians, first.subject, first.tokens) == null) {
        List<Measurement> same =
            measured.stream()
                .filter(m -> m.subject.equals(first.subject) && m.tokens == first.tokens)
                .toList();
        medians.add(
            new Measurement(
                first.subject,
                first.tokens,
                Quantiles.median().compute(Lists.transform(same, m -> m.prefillTokensPerSecond)),
                Quantiles.median().compute(Lists.transform(same, m -> m.lastTokensPerSecond)),
                Quantiles.median().compute(Lists.transform(same, m -> m.decodeMs)),
                same.stream().mapToLong(m -> m.peakBytes).max().orElseThrow(),
                means(same, m -> m.prefillShares),
                means(same, m -> m.decodeShares)));
      }
    }
    return medians;
  }

  private void print(List<Measurement> measured, Roofs roofs) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%-7s %8s %18s %8s %12s %16s %8s %9s%n",
        "",
        "tokens",
        "prefill tokens/s",
        "of roof",
        "at its end",
        "decode ms/token",
        "of roof",
        "peak MiB");
    for (Measurement m : measured) {
      // The roofs are those of a full working set, which the uncut model does not attend.
      boolean bound = !m.subject.equals("uncut");
      out.printf(
          Locale.ROOT,
          "%-7s %8d %18.0f %8s %12.0f %16.1f %8s %9d%n",
          m.subject,
          m.tokens,
          m.prefillTokensPerSecond,
          bound ? share(m.prefillTokensPerSecond / roofs.prefillTokensPerSecond()) : "",
          m.lastTokensPerSecond,
          m.decodeMs,
          bound ? share(roofs.decodeMs() / m.decodeMs) : "",
          m.peakBytes >> 20);
    }
    out.printf(
        Locale.ROOT,
        "%-7s %8s %18.0f %8s %12s %16.1f   (%.0f GFLOP/s, %.1f GB/s)%n",
        "roof",
        "",
        roofs.prefillTokensPerSecond(),
        "",
        "",
        roofs.decodeMs(),
        roofs.flops() / 1e9,
        roofs.bytes() / 1e9);
    List<Measurement> mneme = measured.stream().filter(m -> m.subject.equals("mneme")).toList();
    for (Measurement m : mneme) {
      Measurement uncut = find(measured, "uncut", m.tokens);
      if (uncut != null) {
        out.printf(
            Locale.ROOT,
            "prefill at %d: %.2f x uncut%n",
            m.tokens,
            m.prefillTokensPerSecond / uncut.prefillTokensPerSecond);
      }
    }
    for (Measurement m : mneme) {
      Measurement same = find(measured, "other", m.tokens);
      if (same != null) {
        out.printf(
            Locale.ROOT,
            "other at %d: prefill %.2f x, decode %.2f x%n",
            m.tokens,
            same.prefillTokensPerSecond / m.prefillTokensPerSecond,
            same.decodeMs / m.decodeMs);
      }
    }
    Measurement longest = mneme.getLast();
    out.printf("at %d, share of the time:%n", longest.tokens);
    longest.prefillShares.forEach((stage, share) ->
        out.printf(
            Locale.ROOT,
            "  %-9s prefill %5.1f %%   decode %5.1f %%%n",
            stage.name().toLowerCase(Locale.ROOT),
            100 * share,
            100 * longest.decodeShares.getOrDefault(stage, 0.0)));
    Measurement flat = find(measured, "mneme", FLAT_FROM);
    if (flat != null && longest.tokens > FLAT_FROM) {
      out.printf(
          Locale.ROOT,
          "prefill at %d: %.2f x prefill at %d, at its end %.2f x%n",
          longest.tokens,
          longest.prefillTokensPerSecond / flat.prefillTokensPerSecond,
          FLAT_FROM,
          longest.lastTokensPerSecond / flat.lastTokensPerSecond);
    }
    Measurement shortest = mneme.getFirst();
    if (longest.tokens > shortest.tokens) {
      out.printf(
          Locale.ROOT,
          "decode at %d: %.2f x decode at %d%n",
          longest.tokens,
          longest.decodeMs / shortest.decodeMs,
          shortest.tokens);
    }
    measured.stream()
        .filter(m -> m.subject.equals("uncut"))
        .findFirst()
        .ifPresent(m ->
            out.printf(
                Locale.ROOT,
                "decode at %d: %.2f x uncut decode at %d%n",
                longest.tokens,
                longest.decodeMs / m.decodeMs,
                m.tokens));
    out.flush();
  }

  private static String share(double of) {
    return String.format(Locale.ROOT, "%.2f", of);
  }

  private static @Nullable Measurement find(
      List<Measurement> measured, String subject, int tokens) {
    return measured.stream()
        .filter(m -> m.subject.equals(subject) && m.tokens == tokens)
        .findFirst()
        .orElse(null);
  }
}
