package dev.mneme.benchmarks.durability;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Kills {@code mneme run --memory} while it reads a text, at random moments, until the text was
 * read to its end.
 *
 * @param kills processes killed
 * @param texts read to the end, by several processes one after the other
 * @param commits found; read on from the last one of a memory, the logits after the text were those
 *     of a session that was never killed
 */
record SessionKills(int kills, int texts, int commits) {

  private static final int COMMIT_TOKENS = 512;
  private static final int LONGEST_MILLIS = 3000;
  private static final int POLL_MILLIS = 20;

  /**
   * Runs a campaign.
   *
   * @param model kept open by the caller
   * @param options that it was opened with
   * @param text long enough for far blocks
   * @param folder to work in; left as it is where something was lost
   * @param seed chooses the moments
   * @throws IOException if anything committed was lost or logits differ
   */
  static SessionKills run(
      MnemeModel model,
      ModelOptions options,
      String text,
      Path folder,
      int kills,
      long seed,
      Runnable progress)
      throws IOException {
    int[] tokens = model.tokenizer().encode(text);
    float[] expected;
    try (MnemeSession session = model.newSession()) {
      expected = session.logits(tokens);
    }
    SplittableRandom random = new SplittableRandom(seed);
    Path prompt = Files.writeString(folder.resolve("text.txt"), text);
    Path config =
        Files.writeString(
            folder.resolve("config.yaml"),
            model.config().toBuilder().commitTokens(COMMIT_TOKENS).build().toYaml());
    List<String> arguments = new ArrayList<>(options.arguments(config));
    Path log = folder.resolve("log");
    Path memory = folder.resolve("session");
    arguments.addAll(List.of("--memory", memory.toString()));
    arguments.addAll(List.of("--prompt-file", prompt.toString(), "--max-tokens", "1"));
    int killed = 0;
    int texts = 0;
    int commits = 0;
    while (killed < kills) {
      Process process = ChildProcess.start(SessionWriter.class, arguments, log);
      if (random.nextInt(4) > 0) {
        awaitCommit(process, memory);
      }
      Uninterruptibles.sleepUninterruptibly(Duration.ofMillis(random.nextInt(LONGEST_MILLIS)));
      int before = commits(memory);
      boolean ended = !process.isAlive();
      process.toHandle().destroyForcibly();
      process.onExit().join();
      int found = commits(memory);
      if (found < before) {
        throw new IOException(
            "kill %d: %s: commit %d was there, found %d".formatted(killed, memory, before, found));
      }
      if (ended) {
        if (process.exitValue() != 0) {
          throw new IOException(
              "kill %d: %s: could not go on: %s"
                  .formatted(killed, memory, Files.readString(log).strip()));
        }
        texts++;
      } else {
        killed++;
        progress.run();
      }
      if (ended || killed == kills) {
        commits += found;
        check(model, memory, tokens, expected);
      }
    }
    Files.delete(prompt);
    Files.delete(config);
    Files.deleteIfExists(log);
    return new SessionKills(killed, texts, commits);
  }

  /** Waits until the process has committed something, or has ended. */
  private static void awaitCommit(Process process, Path memory) throws IOException {
    int before = commits(memory);
    while (process.isAlive() && commits(memory) == before) {
      Uninterruptibles.sleepUninterruptibly(Duration.ofMillis(POLL_MILLIS));
    }
  }

  private static int commits(Path memory) throws IOException {
    if (!MemoryFolder.exists(memory)) {
      return 0;
    }
    try (MemoryFolder folder = MemoryFolder.open(memory, Access.READ_ONLY)) {
      return folder.manifest().state();
    }
  }

  /** Goes on from what is committed to the end of the text, and deletes the memory. */
  private static void check(MnemeModel model, Path memory, int[] tokens, float[] expected)
      throws IOException {
    if (!MemoryFolder.exists(memory)) {
      return;
    }
    try (MnemeSession session = model.restore(memory)) {
      session.continueTo(tokens, read -> {});
      if (!Arrays.equals(session.logits(), expected)) {
        throw new IOException(memory + ": what was restored goes on otherwise");
      }
    }
    MemoryFolder.delete(memory);
  }
}
