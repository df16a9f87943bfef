package dev.mneme.benchmarks.durability;

import dev.mneme.integration.cli.RunCommand;
import picocli.CommandLine;

/** A process that reads a text into a memory by {@code mneme run}, to be killed. */
final class SessionWriter {

  private SessionWriter() {}

  /** Takes the options of {@code mneme run}. */
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new RunCommand()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
  }
}
