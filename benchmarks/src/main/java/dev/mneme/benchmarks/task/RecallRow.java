package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of one sample in one mode. As JSON its keys are those below in snake case.
 *
 * @param run the {@link RunHeader} that tells how it was made; null in old files
 * @param settings what sets its configuration apart from others of the run; blank for nothing
 * @param id the sample's
 * @param task the sample's
 * @param lengthTokens tokens of the prompt, of which {@code rag} reads some
 * @param depth the sample's; null when unknown
 * @param mode how the model attended: with memory, in full, or as one of the controls
 * @param score how right the completion is, from 0 to 1, by the rule of the task
 * @param completion what the model generated
 * @param needleFoundShare share of layers, from 0 to 1, that could see all of a needle, the mean
 *     over the needles; null when it was not looked at
 * @param prefillTokensPerSecond speed of reading the prompt
 * @param decodeMsPerToken mean milliseconds per generated token
 * @param peakResidentBytes most memory of the process since the sample began
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record RecallRow(
    @Nullable String run,
    String settings,
    String id,
    String task,
    int lengthTokens,
    @Nullable Double depth,
    String mode,
    double score,
    String completion,
    @Nullable Double needleFoundShare,
    double prefillTokensPerSecond,
    double decodeMsPerToken,
    long peakResidentBytes) {

  /** Whether the completion is right altogether. */
  @JsonIgnore
  public boolean isHit() {
    return score == 1;
  }

  /** Checks that the figures can be written as JSON, which has no infinities. */
  public RecallRow {
    settings = settings == null ? "" : settings; // absent in old files
    finite("prefillTokensPerSecond", prefillTokensPerSecond);
    finite("decodeMsPerToken", decodeMsPerToken);
  }

  private static void finite(String name, double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("%s must be finite: %s".formatted(name, value));
    }
  }

  /**
   * Reads the rows of a file of JSON lines.
   *
   * @return none where there is no file; a line that a killed run cut short is left out
   * @throws IOException if the file cannot be read or another line is not a row: the message starts
   *     with {@code file:line}
   */
  public static List<RecallRow> readAll(Path file) throws IOException {
    List<RecallRow> rows = new ArrayList<>();
    if (!Files.exists(file)) {
      return rows;
    }
    ObjectReader reader = JsonMapper.builder().build().readerFor(RecallRow.class);
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).endsWith("}") || RunHeader.isHeader(lines.get(i))) {
        continue; // Cut short, if no header.
      }
      try {
        rows.add(reader.readValue(lines.get(i)));
      } catch (JacksonException e) {
        throw new IOException(
            "%s:%d: not a result: %s".formatted(file, i + 1, e.getOriginalMessage()), e);
      }
    }
    return rows;
  }
}
