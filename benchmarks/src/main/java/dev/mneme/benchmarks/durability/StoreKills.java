package dev.mneme.benchmarks.durability;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.mneme.memory.file.MemoryFolder;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Kills processes that write a memory as fast as they can, at random moments, and reads what they
 * left.
 *
 * @param kills processes killed
 * @param opening of them while the memory was being opened
 * @param appending of them while blocks were being appended
 * @param committing of them during a commit
 * @param newer of those last ones whose commit was found nevertheless
 * @param commits acknowledged by all processes, and found
 * @param records read and compared
 */
record StoreKills(
    int kills, int opening, int appending, int committing, int newer, int commits, long records) {

  /** A memory is written by so many processes one after the other. */
  private static final int PROCESSES = 10;

  private static final int LONGEST_OPENING_MILLIS = 400;
  private static final int LONGEST_WRITING_MILLIS = 250;

  /**
   * Runs a campaign.
   *
   * @param folder absent or empty; left as it is where something was lost
   * @throws IOException if anything committed was lost, or anything found that was not written
   */
  static StoreKills run(Path folder, int kills, long seed, Runnable progress) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int opening = 0;
    int appending = 0;
    int committing = 0;
    int newer = 0;
    int commits = 0;
    long records = 0;
    int before = 0;
    for (int kill = 0; kill < kills; kill++) {
      if (kill % PROCESSES == 0) {
        before = 0;
        if (Files.exists(folder)) {
          MemoryFolder.delete(folder);
        }
      }
      Killed killed = kill(folder, random, before, kill % PROCESSES == 1);
      try (ScriptedMemory memory = ScriptedMemory.open(folder)) {
        int most = killed.committed() + (killed.phase() == Phase.COMMITTING ? 1 : 0);
        if (memory.commits() < killed.committed() || memory.commits() > most) {
          throw new IOException(
              "kill %d: %s: commit %d was acknowledged, found %d"
                  .formatted(kill, folder, killed.committed(), memory.commits()));
        }
        memory.verify();
        newer += memory.commits() - killed.committed();
        commits += memory.commits() - before;
        before = memory.commits();
        records += memory.records();
      } catch (IOException | RuntimeException e) {
        throw new IOException("kill %d: %s: %s".formatted(kill, folder, e.getMessage()), e);
      }
      switch (killed.phase()) {
        case OPENING -> opening++;
        case APPENDING -> appending++;
        case COMMITTING -> committing++;
      }
      progress.run();
    }
    if (Files.exists(folder)) {
      MemoryFolder.delete(folder);
    }
    Files.deleteIfExists(folder.resolveSibling("log"));
    return new StoreKills(kills, opening, appending, committing, newer, commits, records);
  }

  private enum Phase {
    OPENING,
    APPENDING,
    COMMITTING
  }

  private record Killed(Phase phase, int committed) {}

  /**
   * Starts a process that writes a memory and kills it.
   *
   * @param patient waits for a commit first, so that there are some on the slowest machine
   */
  private static Killed kill(Path folder, SplittableRandom random, int before, boolean patient)
      throws IOException {
    Process process =
        ChildProcess.start(
            MemoryWriter.class,
            List.of(folder.toString(), String.valueOf(random.nextLong())),
            folder.resolveSibling("log"));
    Phase phase = Phase.OPENING;
    int committed = before;
    try (BufferedReader said = process.inputReader()) {
      String line = null;
      if (!patient && random.nextInt(PROCESSES) == 0) {
        Uninterruptibles.sleepUninterruptibly(
            Duration.ofMillis(random.nextInt(LONGEST_OPENING_MILLIS)));
      } else {
        line = said.readLine();
        while (patient && line != null && !line.startsWith(MemoryWriter.COMMITTED)) {
          line = said.readLine();
        }
        Uninterruptibles.sleepUninterruptibly(
            Duration.ofMillis(random.nextInt(LONGEST_WRITING_MILLIS)));
      }
      process.toHandle().destroyForcibly(); // the process itself would close what it said
      for (line = line == null ? said.readLine() : line; line != null; line = said.readLine()) {
        if (line.startsWith(MemoryWriter.COMMITTED)) {
          committed = Integer.parseInt(line.substring(MemoryWriter.COMMITTED.length()));
        }
        phase = line.equals(MemoryWriter.COMMITTING) ? Phase.COMMITTING : Phase.APPENDING;
      }
    } finally {
      process.destroyForcibly().onExit().join();
    }
    return new Killed(phase, committed);
  }
}
