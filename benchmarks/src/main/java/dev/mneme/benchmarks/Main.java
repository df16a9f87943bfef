package dev.mneme.benchmarks;

import dev.mneme.benchmarks.compatibility.CompatibilityCommand;
import dev.mneme.benchmarks.demo.DemoCommand;
import dev.mneme.benchmarks.drift.DriftCommand;
import dev.mneme.benchmarks.durability.DurabilityCommand;
import dev.mneme.benchmarks.durability.RestoreCommand;
import dev.mneme.benchmarks.index.IndexesCommand;
import dev.mneme.benchmarks.micro.MicroCommand;
import dev.mneme.benchmarks.perplexity.PerplexityCommand;
import dev.mneme.benchmarks.recall.RecallCommand;
import dev.mneme.benchmarks.report.ReportCommand;
import dev.mneme.benchmarks.speed.SpeedCommand;
import dev.mneme.integration.cli.InspectCommand;
import dev.mneme.integration.cli.ModelCommand;
import dev.mneme.integration.cli.RunCommand;
import dev.mneme.integration.runtime.BuildVersion;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * The command {@code mneme}.
 *
 * <p>Exit codes: 0 success, 1 the command failed, 2 the command line is wrong. A failure is one
 * line on standard error; {@code -Dmneme.stacktrace=true} in {@code MNEME_JAVA_OPTS} adds the stack
 * trace.
 */
@Command(
    name = "mneme",
    description = "Long-context memory for existing ONNX language models.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      RunCommand.class,
      ModelCommand.class,
      InspectCommand.class,
      RecallCommand.class,
      ReportCommand.class,
      PerplexityCommand.class,
      SpeedCommand.class,
      DriftCommand.class,
      CompatibilityCommand.class,
      IndexesCommand.class,
      MicroCommand.class,
      RestoreCommand.class,
      DurabilityCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Main implements Runnable {

  @Spec private CommandSpec spec;

  private Main() {}

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionStrategy(Main::execute)
        .setParameterExceptionHandler(Main::reportUsageError)
        .setExecutionExceptionHandler(Main::reportFailure);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }

  /** Hands errors, such as exhausted memory, to {@link #reportFailure}: picocli lets them pass. */
  private static int execute(ParseResult parsed) {
    try {
      return new CommandLine.RunLast().execute(parsed);
    } catch (Error error) {
      throw new ExecutionException(parsed.commandSpec().commandLine(), error.toString(), error);
    }
  }

  private static int reportUsageError(ParameterException error, String[] args) {
    CommandLine command = error.getCommandLine();
    command
        .getErr()
        .printf(
            "mneme: %s (see '%s --help')%n",
            firstLine(error), command.getCommandSpec().qualifiedName());
    return CommandLine.ExitCode.USAGE;
  }

  private static int reportFailure(Exception failure, CommandLine command, ParseResult parsed) {
    command.getErr().printf("mneme: %s%n", firstLine(failure));
    if (Boolean.getBoolean("mneme.stacktrace")) {
      failure.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String firstLine(Exception failure) {
    String message = failure.getMessage();
    if (message == null) {
      return failure.getClass().getName();
    }
    String line = message.lines().findFirst().orElse("");
    return switch (failure) {
      case NoSuchFileException missing -> "no such file: " + line;
      case AccessDeniedException denied -> "access denied: " + line;
      default -> line;
    };
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"mneme " + BuildVersion.text()};
    }
  }
}
