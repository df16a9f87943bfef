package dev.mneme.benchmarks.durability;

import dev.mneme.MnemeConfig;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.VariedText;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.integration.cli.ReadingProgress;
import dev.mneme.integration.cli.ResidentMemory;
import dev.mneme.memory.file.MemoryFolder;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code mneme restore}: what forks of a session cost, and how fast another process restores it.
 */
@Command(
    name = "restore",
    description =
        "Reads a text, forks the session, saves it and restores it in another process: bytes, seconds"
            + " and whether the logits are the same to the bit.",
    mixinStandardHelpOptions = true)
public final class RestoreCommand implements Callable<Integer> {

  /** Tokens that both processes read after what is restored, so that blocks are looked for. */
  static final int MORE = 192;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "32k",
      description = "tokens of the text, k is 1024 (default: ${DEFAULT-VALUE})")
  private String length;

  @Option(
      names = "--forks",
      paramLabel = "N",
      defaultValue = "100",
      description = "forks that are open at the same time (default: ${DEFAULT-VALUE})")
  private int forks;

  @Override
  public Integer call() throws IOException {
    int tokens = Grid.lengths(length).getFirst();
    MnemeConfig config = model.config();
    Path folder = Files.createTempDirectory("mneme-restore");
    Path saved = folder.resolve("memory");
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("config", config);
    result.put("tokens", tokens);
    PrintWriter out = spec.commandLine().getOut();
    float[] expected;
    try (MnemeModel opened = model.open(config);
        MnemeSession session = opened.newSession()) {
      int[] text = VariedText.tokens(opened.tokenizer(), 1, tokens);
      try (ReadingProgress progress = ReadingProgress.start("reading", tokens)) {
        session.append(text, progress);
        session.logits();
      }
      long one = session.memoryBytes();
      long more = costOfForks(session);
      out.printf(
          "%d tokens: %,d MiB of memory; %d forks add %,d MiB (%.1f %%)%n",
          tokens, one >> 20, forks, more >> 20, 100.0 * more / one);
      out.flush();
      result.put("memoryBytes", one);
      result.put("forks", forks);
      result.put("forkBytes", more);
      session.save(saved);
      expected = session.logits(VariedText.tokens(opened.tokenizer(), 2, MORE));
    }
    long bytes = size(saved);
    Probe probe = probe(config, saved, folder, expected.length);
    boolean same = Arrays.equals(expected, probe.logits());
    out.printf(
        "restored in another process: %,d MiB of files, %.2f s, logits after %d more tokens %s%n",
        bytes >> 20, probe.seconds(), MORE, same ? "the same to the bit" : "differ");
    out.flush();
    result.put("fileBytes", bytes);
    result.put("restoreSeconds", probe.seconds());
    result.put("sameLogits", same);
    report.write(result);
    MemoryFolder.delete(saved);
    Files.delete(folder);
    if (!same) {
      throw new IOException("the restored session does not go on as the saved one");
    }
    return 0;
  }

  /**
   * Resident bytes, or bytes of the heap where that grew more: it may have been resident before.
   */
  private long costOfForks(MnemeSession session) {
    ResidentMemory memory = ResidentMemory.ofThisProcess();
    long heapBefore = heap();
    long before = memory.current();
    List<MnemeSession> open = new ArrayList<>();
    for (int fork = 0; fork < forks; fork++) {
      open.add(session.fork());
    }
    long more = Math.max(heap() - heapBefore, memory.current() - before);
    open.forEach(MnemeSession::close);
    return more;
  }

  private static long heap() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private static long size(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // compared once
  private record Probe(double seconds, float[] logits) {}

  private Probe probe(MnemeConfig config, Path saved, Path folder, int vocabulary)
      throws IOException {
    Path configuration = Files.writeString(folder.resolve("config.yaml"), config.toYaml());
    Path answer = folder.resolve("answer");
    Path log = folder.resolve("log");
    List<String> arguments = new ArrayList<>(model.arguments(configuration));
    arguments.addAll(List.of(saved.toString(), answer.toString()));
    Process process = ChildProcess.start(RestoreProbe.class, arguments, log);
    process.onExit().join();
    if (process.exitValue() != 0) {
      throw new IOException("the other process failed: " + Files.readString(log).strip());
    }
    try (DataInputStream input =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(answer)))) {
      double seconds = input.readLong() / 1e9;
      float[] logits = new float[vocabulary];
      for (int i = 0; i < vocabulary; i++) {
        logits[i] = input.readFloat();
      }
      return new Probe(seconds, logits);
    } finally {
      Files.delete(answer);
      Files.delete(log);
      Files.delete(configuration);
    }
  }
}
