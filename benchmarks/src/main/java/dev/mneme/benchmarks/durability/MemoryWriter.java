package dev.mneme.benchmarks.durability;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;

/**
 * A process that appends to a {@link ScriptedMemory} and commits until it is killed. It says on
 * standard output what it is about to do and what it has done: a commit that was said to be done
 * must be found again.
 */
final class MemoryWriter {

  static final String APPENDING = "appending";
  static final String COMMITTING = "committing";

  /** Followed by the number of the commit. */
  static final String COMMITTED = "committed ";

  private static final int MOST_BLOCKS = 40;

  private MemoryWriter() {}

  /** Takes the folder and a seed. */
  public static void main(String[] args) throws IOException {
    SplittableRandom random = new SplittableRandom(Long.parseLong(args[1]));
    try (ScriptedMemory memory = ScriptedMemory.open(Path.of(args[0]))) {
      while (true) {
        say(APPENDING);
        for (int left = random.nextInt(MOST_BLOCKS); left >= 0; left--) {
          memory.append();
        }
        say(COMMITTING);
        memory.commit();
        say(COMMITTED + memory.commits());
      }
    }
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
