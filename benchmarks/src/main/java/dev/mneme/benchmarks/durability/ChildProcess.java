package dev.mneme.benchmarks.durability;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM like this one that runs another class, to be killed. */
final class ChildProcess {

  private static final String VECTOR_API = "jdk.incubator.vector";

  private ChildProcess() {}

  /** Starts it; {@code log} is written anew with what it writes to standard error. */
  static Process start(Class<?> main, List<String> arguments, Path log) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED"));
    // Attention is computed by the Vector API where it is on: the same bits need the same here.
    if (ModuleLayer.boot().findModule(VECTOR_API).isPresent()) {
      command.addAll(List.of("--add-modules", VECTOR_API));
    }
    command.addAll(List.of("-classpath", System.getProperty("java.class.path"), main.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.to(log.toFile()))
        .start();
  }
}
