package dev.mneme.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class MainTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void helpListsTheCommandsOnStandardOutput() {
    assertThat(run(() -> 0, "--help")).isZero();
    assertThat(out.toString()).contains("Usage: mneme").contains("Commands:").contains("probe");
    assertThat(err.toString()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--unknown", "unknown", "probe --unknown"})
  void wrongCommandLineIsOneLineAndExitCodeTwo(String line) {
    String[] args = line.isEmpty() ? new String[0] : line.split(" ", -1);
    assertThat(run(() -> 0, args)).isEqualTo(2);
    assertThat(err.toString().lines()).singleElement().asString().startsWith("mneme: ");
    assertThat(out.toString()).isEmpty();
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(new IllegalArgumentException("rule: 0\nmore"), "mneme: rule: 0"),
        Arguments.of(new NoSuchFileException("a.onnx"), "mneme: no such file: a.onnx"),
        Arguments.of(new IllegalStateException(), "mneme: java.lang.IllegalStateException"),
        Arguments.of(
            new UnsatisfiedLinkError("onnx"), "mneme: java.lang.UnsatisfiedLinkError: onnx"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failureIsOneLineAndExitCodeOne(Throwable failure, String expected) {
    int code =
        run(
            () -> {
              switch (failure) {
                case Error error -> throw error;
                case Exception exception -> throw exception;
                default -> throw new AssertionError(failure);
              }
            },
            "probe");
    assertThat(code).isEqualTo(1);
    assertThat(err.toString().lines()).containsExactly(expected);
  }

  private int run(Callable<Integer> probe, String... args) {
    return Main.commandLine()
        .addSubcommand(new CommandLine(new Probe(probe)))
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(args);
  }

  @Command(name = "probe")
  private record Probe(Callable<Integer> body) implements Callable<Integer> {
    @Override
    public Integer call() throws Exception {
      return body.call();
    }
  }
}
