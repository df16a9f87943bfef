package dev.mneme.benchmarks.micro;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.openjdk.jmh.Main;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mneme micro}: JMH over the benchmarks of this package. */
@Command(
    name = "micro",
    description = {
      "Measures parts by JMH: codecs, block choice, stores.",
      "Arguments after -- are JMH's: 'mneme micro -- -h' lists them, 'mneme micro -- Codec -f 1'"
          + " measures the codecs in one fork."
    },
    mixinStandardHelpOptions = true)
public final class MicroCommand implements Callable<Integer> {

  @Parameters(paramLabel = "ARGUMENT", description = "options of JMH, after --")
  private List<String> arguments = List.of();

  @Override
  public Integer call() throws IOException {
    Main.main(arguments.toArray(String[]::new));
    return 0;
  }
}
