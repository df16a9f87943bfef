package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * How rows of results came to be, written once in front of those of a run. As JSON it has the one
 * key {@code header}, and in that those below in snake case.
 *
 * @param run names the run among those of a file
 * @param started date and time, ISO 8601, UTC
 * @param command what was asked, as it was typed
 * @param model name of the model, and what is in its files and in those of the user's texts, by
 *     name
 * @param configuration of the memory, as YAML
 * @param versions of the program with its commit, of Java, ONNX Runtime and the system
 * @param machine processor, number of cores, bytes of memory
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record RunHeader(
    String run,
    String started,
    String command,
    Map<String, String> model,
    String configuration,
    Map<String, String> versions,
    Map<String, String> machine) {

  private static final String START = "{\"header\":";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private record Line(RunHeader header) {}

  static boolean isHeader(String line) {
    return line.startsWith(START);
  }

  /** Whether a run asked the same model about the same texts with the same configuration. */
  public boolean isOfTheSame(RunHeader other) {
    return difference(other).isEmpty();
  }

  /** The first line that this run or the other one has alone, or nothing. */
  public String difference(RunHeader other) {
    return Stream.concat(without(other), other.without(this)).findFirst().orElse("");
  }

  private Stream<String> without(RunHeader other) {
    return lines().filter(line -> other.lines().noneMatch(line::equals));
  }

  private Stream<String> lines() {
    return Stream.concat(
        model.entrySet().stream()
            .filter(part -> !part.getKey().equals("name"))
            .map(part -> part.getKey() + ": " + part.getValue()),
        configuration.lines().map(String::strip));
  }

  /** The header as an object of JSON with the one key. */
  Object line() {
    return new Line(this);
  }

  /**
   * Reads the headers of a file of results.
   *
   * @return none where there is no file
   * @throws IOException if it cannot be read or a header is not one
   */
  public static List<RunHeader> readAll(Path file) throws IOException {
    List<RunHeader> headers = new ArrayList<>();
    if (!Files.exists(file)) {
      return headers;
    }
    for (String line : Files.readAllLines(file)) {
      if (isHeader(line) && line.endsWith("}")) {
        try {
          headers.add(MAPPER.readValue(line, Line.class).header());
        } catch (JacksonException e) {
          throw new IOException(file + ": not a header: " + e.getOriginalMessage(), e);
        }
      }
    }
    return headers;
  }
}
