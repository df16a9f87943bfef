package dev.mneme.integration.cli;

import dev.mneme.integration.importer.ImportOptions;
import dev.mneme.integration.importer.KnownModel;
import dev.mneme.integration.importer.ModelLibrary;
import dev.mneme.integration.importer.Precision;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code mneme model}: fetches or converts a model and prints where it is. */
@Command(
    name = "model",
    description = "Fetches a model or converts a GGUF file, and prints where it is.",
    mixinStandardHelpOptions = true)
public final class ModelCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "NAME|FILE",
      defaultValue = "smollm2",
      description = "a known model or a .gguf file (default: ${DEFAULT-VALUE})")
  private String model;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description = "fp32, int8 or int4 (default: ${DEFAULT-VALUE})")
  private Precision precision;

  @Option(
      names = "--accuracy-level",
      paramLabel = "N",
      defaultValue = "" + ImportOptions.DEFAULT_ACCURACY_LEVEL,
      description = {
        "how int8 and int4 are multiplied: 4 rounds activations to 8 bits, 0 keeps them in float32",
        "(default: ${DEFAULT-VALUE})"
      })
  private int accuracyLevel;

  @Option(names = "--list", description = "list the known models and what the cache has of them")
  private boolean list;

  @Mixin private JsonReport report;

  @Override
  public Integer call() throws IOException {
    ModelLibrary library = ModelLibrary.ofUser(ConsoleProgress.ofStandardError());
    report.write(list ? list(library) : make(library));
    return 0;
  }

  private Map<String, Object> make(ModelLibrary library) throws IOException {
    Path path = library.resolve(model, new ImportOptions(precision, accuracyLevel));
    out().println(path);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model);
    result.put("precision", lowerCase(precision));
    result.put("accuracyLevel", accuracyLevel);
    result.put("path", path.toString());
    return result;
  }

  private List<Map<String, Object>> list(ModelLibrary library) throws IOException {
    List<Map<String, Object>> result = new ArrayList<>();
    for (KnownModel known : library.known()) {
      Map<String, String> cached = new LinkedHashMap<>();
      for (Precision candidate : Precision.values()) {
        Optional<Path> path = library.cached(known, new ImportOptions(candidate, accuracyLevel));
        if (path.isPresent()) {
          cached.put(lowerCase(candidate), path.get().toString());
        }
      }
      out().printf("%s  %s%n", known.name(), known.description());
      cached.forEach((name, path) -> out().printf("  %s  %s%n", name, path));
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", known.name());
      entry.put("description", known.description());
      entry.put("cached", cached);
      result.add(entry);
    }
    return result;
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }

  private static String lowerCase(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }
}
