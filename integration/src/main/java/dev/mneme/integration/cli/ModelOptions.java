package dev.mneme.integration.cli;

import dev.mneme.MnemeConfig;
import dev.mneme.MnemeModel;
import dev.mneme.integration.importer.ModelLibrary;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options by which commands choose a model and its configuration. */
public final class ModelOptions {

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      defaultValue = "smollm2",
      description =
          "a folder, a .onnx or .gguf file, or a name that 'mneme model --list' shows; fetched when"
              + " absent (default: ${DEFAULT-VALUE})")
  private String model;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description = "of a named model or GGUF file: fp32, int8 or int4 (default: ${DEFAULT-VALUE})")
  private Precision precision;

  @Option(
      names = "--tokenizer",
      paramLabel = "PATH",
      description = "a tokenizer.json or its folder (default: beside the model)")
  private @Nullable Path tokenizer;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML configuration; keys that are left out keep their defaults")
  private @Nullable Path config;

  @Option(
      names = {"-s", "--set"},
      paramLabel = "KEY=VALUE",
      description = "sets one configuration key, such as memory.topK=4; may be repeated")
  private List<String> settings = List.of();

  @Option(names = "--device", paramLabel = "D", description = "cpu or cuda:N (default: cpu)")
  private @Nullable String device;

  /** What the command line calls the model. */
  public String name() {
    return model;
  }

  /**
   * Finds, fetches or converts the model.
   *
   * @throws IOException if it cannot be had
   */
  public Path locate() throws IOException {
    return ModelLibrary.ofUser(ConsoleProgress.ofStandardError()).resolve(model, precision);
  }

  /**
   * The configuration that file and options make together.
   *
   * @throws IOException if the file cannot be read
   */
  public MnemeConfig config() throws IOException {
    return config(List.of());
  }

  /**
   * The same with more settings, which count more.
   *
   * @param more such as {@code memory.topK=4}
   * @throws IOException if the file cannot be read
   */
  public MnemeConfig config(List<String> more) throws IOException {
    List<String> all = new ArrayList<>(settings);
    if (device != null) {
      all.add("device=" + device);
    }
    all.addAll(more);
    return (config == null ? MnemeConfig.defaults() : MnemeConfig.read(config)).with(all);
  }

  /**
   * Opens the model with its configuration; the caller closes it.
   *
   * @throws IOException if it cannot be had or read
   */
  public MnemeModel open() throws IOException {
    return open(List.of());
  }

  /**
   * Opens the model with more settings, which count more; the caller closes it.
   *
   * @throws IOException if it cannot be had or read
   */
  public MnemeModel open(List<String> more) throws IOException {
    return open(config(more));
  }

  /**
   * Opens the model with another configuration; the caller closes it.
   *
   * @throws IOException if it cannot be had or read
   */
  public MnemeModel open(MnemeConfig chosen) throws IOException {
    MnemeModel.Builder builder = MnemeModel.builder(locate()).config(chosen);
    return (tokenizer == null ? builder : builder.tokenizer(tokenizer)).open();
  }

  /** Opens the tokenizer of the model in a folder; the caller closes it. */
  public Tokenizer openTokenizer(Path folder) throws IOException {
    return Tokenizer.open(tokenizer == null ? folder : tokenizer);
  }

  /**
   * The options with which another process opens the same model.
   *
   * @param configuration a file with the configuration that it shall have
   */
  public List<String> arguments(Path configuration) throws IOException {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--model", locate().toString()));
    arguments.addAll(List.of("--config", configuration.toString()));
    if (tokenizer != null) {
      arguments.addAll(List.of("--tokenizer", tokenizer.toString()));
    }
    return arguments;
  }
}
