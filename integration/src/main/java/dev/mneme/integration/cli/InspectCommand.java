package dev.mneme.integration.cli;

import dev.mneme.integration.graph.ModelGraph;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code mneme inspect}: what was found in a model's graph and where it is cut. */
@Command(
    name = "inspect",
    description = "Shows a model's layers, rotation and segments, or why it cannot be wrapped.",
    mixinStandardHelpOptions = true)
public final class InspectCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model;
  @Mixin private JsonReport report;

  @Override
  public Integer call() throws IOException {
    Inspection inspection = Inspection.of(ModelGraph.read(model.locate()), model.config().memory());
    report.write(inspection);
    PrintWriter out = spec.commandLine().getOut();
    inspection.lines().forEach(out::println);
    out.flush();
    return 0;
  }
}
