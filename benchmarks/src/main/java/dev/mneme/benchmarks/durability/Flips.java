package dev.mneme.benchmarks.durability;

import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.memory.file.MemoryFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Flips bytes of a session's files, one at a time, restores the session and lets it read on.
 *
 * @param flips of each file, by its name: all bytes of its header, and others spread over it
 * @param refused ended in an error that names the file
 * @param harmless gave the logits of the undamaged memory, as what was damaged was not needed
 */
record Flips(Map<String, Integer> flips, int refused, int harmless) {

  /** Bytes of a file that are all flipped. */
  static final int HEADER = 56;

  /**
   * Runs a campaign.
   *
   * @param model kept open by the caller
   * @param tokens long enough for far blocks
   * @param folder to work in
   * @param count flips of each file, its header's not included
   * @throws IOException if a damaged memory gave other logits
   */
  static Flips run(MnemeModel model, int[] tokens, Path folder, int count, Runnable progress)
      throws IOException {
    Path memory = folder.resolve("damaged");
    try (MnemeSession session = model.newSession()) {
      session.append(tokens);
      session.save(memory);
    }
    int[] next = Arrays.copyOf(tokens, 2);
    float[] expected = restored(model, memory, next);
    Map<String, Integer> flips = new TreeMap<>();
    int refused = 0;
    int harmless = 0;
    for (Path file : files(memory)) {
      long size = Files.size(file);
      int all = Math.toIntExact(Math.min(size, HEADER + count));
      flips.put(file.getFileName().toString(), all);
      for (int flip = 0; flip < all; flip++) {
        long at = flip < HEADER ? flip : HEADER + (flip - HEADER) * (size - HEADER) / count;
        flip(file, at);
        try {
          if (!Arrays.equals(restored(model, memory, next), expected)) {
            throw new IllegalStateException(
                "byte %d of %s flipped: another answer".formatted(at, file));
          }
          harmless++;
        } catch (IOException | UncheckedIOException e) {
          refused++;
        } finally {
          flip(file, at);
        }
        progress.run();
      }
    }
    MemoryFolder.delete(memory);
    return new Flips(flips, refused, harmless);
  }

  private static List<Path> files(Path memory) throws IOException {
    try (Stream<Path> files = Files.list(memory)) {
      return files.filter(file -> file.toString().endsWith(".mneme")).sorted().toList();
    }
  }

  private static float[] restored(MnemeModel model, Path memory, int[] next) throws IOException {
    try (MnemeSession session = model.restore(memory)) {
      return session.logits(next);
    }
  }

  private static void flip(Path file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) ~one.get(0)).flip();
      channel.write(one, at);
    }
  }
}
