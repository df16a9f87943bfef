package dev.mneme.benchmarks.recall;

import com.google.common.hash.Hashing;
import com.google.common.io.ByteSource;
import com.google.common.io.MoreFiles;
import com.sun.management.OperatingSystemMXBean;
import dev.mneme.MnemeModel;
import dev.mneme.benchmarks.task.RunHeader;
import dev.mneme.integration.runtime.BuildVersion;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.ParseResult;

/** Tells how results come to be. */
final class Provenance {

  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");

  private Provenance() {}

  /**
   * The header of a run that begins now.
   *
   * @param name what the command line calls the model
   * @param parsed the command line
   * @param texts files or folders of samples and prose, by name
   * @throws IOException if the model's files cannot be read
   */
  static RunHeader of(MnemeModel model, String name, ParseResult parsed, Map<String, Path> texts)
      throws IOException {
    String command = String.join(" ", parsed.originalArgs());
    String started = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    Map<String, String> parts = new LinkedHashMap<>();
    parts.put("name", name);
    parts.putAll(model.fingerprint());
    for (Map.Entry<String, Path> text : texts.entrySet()) {
      parts.put(text.getKey(), checksum(text.getValue()));
    }
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("mneme", BuildVersion.text());
    versions.put("java", Runtime.version().toString());
    versions.put("onnxruntime", model.runtime().environment().getVersion());
    versions.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    Map<String, String> machine = new LinkedHashMap<>();
    machine.put("processor", processor());
    machine.put("cores", String.valueOf(Runtime.getRuntime().availableProcessors()));
    machine.put("memory", String.valueOf(memory()));
    String run = Integer.toHexString((started + command + model.config()).hashCode());
    return new RunHeader(run, started, command, parts, model.config().toYaml(), versions, machine);
  }

  /** Of a file, or of all that are in a folder, by name. */
  private static String checksum(Path path) throws IOException {
    try (Stream<Path> files = Files.walk(path)) {
      List<ByteSource> all =
          files
              .filter(Files::isRegularFile)
              .sorted()
              .map(file -> MoreFiles.asByteSource(file))
              .toList();
      return "SHA-256 " + ByteSource.concat(all).hash(Hashing.sha256());
    }
  }

  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  /** What Linux calls it; elsewhere its architecture. */
  private static String processor() throws IOException {
    if (Files.isReadable(PROCESSOR)) {
      try (Stream<String> lines = Files.lines(PROCESSOR)) {
        Optional<String> name =
            lines
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("model name"))
                .findFirst();
        if (name.isPresent()) {
          return name.get().replaceFirst("^[^:]*:\\s*", "");
        }
      }
    }
    return System.getProperty("os.arch");
  }
}
