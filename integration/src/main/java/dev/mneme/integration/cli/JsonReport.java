package dev.mneme.integration.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option by which every command writes its result as JSON too. */
public final class JsonReport {

  @Option(names = "--json", paramLabel = "FILE", description = "write the result to FILE too")
  private @Nullable Path file;

  /**
   * Writes a result, if a file was asked for.
   *
   * @param result a record, map or list that Jackson writes
   */
  public void write(Object result) throws IOException {
    if (file != null) {
      write(file, result);
    }
  }

  /** Writes a record, map or list that Jackson writes to a file, indented. */
  static void write(Path file, Object result) throws IOException {
    new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), result);
  }
}
