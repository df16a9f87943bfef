package dev.mneme.benchmarks.durability;

import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.task.VariedText;
import dev.mneme.integration.cli.JsonReport;
import dev.mneme.integration.cli.ModelOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mneme durability}: kills and damage that a memory must survive. */
@Command(
    name = "durability",
    description =
        "Kills processes while they write memories and flips bytes of files: nothing that was"
            + " committed may be lost, nothing corrupt may be believed.",
    mixinStandardHelpOptions = true)
public final class DurabilityCommand implements Callable<Integer> {

  /** Manifest, blocks, vectors and state. */
  private static final int FILES = 4;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Option(
      names = "--kills",
      paramLabel = "N",
      defaultValue = "200",
      description = "processes killed that do nothing but write (default: ${DEFAULT-VALUE})")
  private int kills;

  @Option(
      names = "--session-kills",
      paramLabel = "N",
      defaultValue = "20",
      description = "processes killed that read a text with a model (default: ${DEFAULT-VALUE})")
  private int sessionKills;

  @Option(
      names = "--flips",
      paramLabel = "N",
      defaultValue = "20",
      description =
          "bytes flipped of each file of a session, besides its header (default: ${DEFAULT-VALUE})")
  private int flips;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "6000",
      description = "tokens of the text that is read, about (default: ${DEFAULT-VALUE})")
  private int tokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "chooses the moments (default: ${DEFAULT-VALUE})")
  private long seed;

  @Override
  public Integer call() throws IOException {
    Path folder = Files.createTempDirectory("mneme-durability");
    PrintWriter out = spec.commandLine().getOut();
    Map<String, Object> result = new LinkedHashMap<>();
    StoreKills stores;
    try (ProgressBar bar = bar("kills", kills)) {
      stores = StoreKills.run(folder.resolve("memory"), kills, seed, bar::step);
    }
    out.printf(
        "%d processes killed while writing (%d opening, %d appending, %d committing): all %d commits"
            + " found, %d records as written%n",
        stores.kills(),
        stores.opening(),
        stores.appending(),
        stores.committing(),
        stores.commits(),
        stores.records());
    out.flush();
    result.put("stores", stores);
    try (MnemeModel opened = model.open()) {
      String text = VariedText.of(seed, 3 * tokens);
      SessionKills sessions;
      try (ProgressBar bar = bar("session kills", sessionKills)) {
        sessions = SessionKills.run(opened, model, text, folder, sessionKills, seed, bar::step);
      }
      out.printf(
          "%d processes killed while reading a text (%d more read it to its end): %d commits found, the"
              + " same logits when read on from there%n",
          sessions.kills(), sessions.texts(), sessions.commits());
      out.flush();
      result.put("sessions", sessions);
      Flips damage;
      try (ProgressBar bar = bar("flips", FILES * (Flips.HEADER + (long) flips))) {
        damage = Flips.run(opened, opened.tokenizer().encode(text), folder, flips, bar::step);
      }
      out.printf(
          "bytes flipped in turn, of each file %s: %d refused, %d harmless, no other answer%n",
          damage.flips(), damage.refused(), damage.harmless());
      out.flush();
      result.put("flips", damage);
    }
    Files.delete(folder);
    report.write(result);
    return 0;
  }

  /** On standard error. */
  private static ProgressBar bar(String name, long steps) {
    return new ProgressBarBuilder().setTaskName(name).setInitialMax(steps).build();
  }
}
