package dev.mneme.benchmarks.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecallWriterTest {

  private static final RecallRow HIT =
      new RecallRow(
          "r",
          "memory.topK=4",
          "p-1",
          "passkey",
          4095,
          0.05,
          "memory",
          1,
          " 71432.\n\"😀\"",
          0.95,
          250.5,
          80.25,
          1L << 33);
  private static final RecallRow MISS =
      new RecallRow(null, "", "p-2", "kv", 10, null, "full", 0.25, "", null, 0, 0, 0);
  private static final String HIT_LINE =
      """
      {"run":"r","settings":"memory.topK=4","id":"p-1","task":"passkey","length_tokens":4095,"depth":0.05,"mode":"memory","score":1.0,\
      "completion":" 71432.\\n\\"😀\\"","needle_found_share":0.95,"prefill_tokens_per_second":250.5,\
      "decode_ms_per_token":80.25,"peak_resident_bytes":8589934592}
      """;
  private static final String MISS_LINE =
      """
      {"run":null,"settings":"","id":"p-2","task":"kv","length_tokens":10,"depth":null,"mode":"full","score":0.25,\
      "completion":"","needle_found_share":null,"prefill_tokens_per_second":0.0,\
      "decode_ms_per_token":0.0,"peak_resident_bytes":0}
      """;

  @TempDir private Path folder;

  @Test
  void eachRowIsInTheFileOnceWritten() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    try (RecallWriter writer = RecallWriter.append(file)) {
      assertThatIOException()
          .isThrownBy(() -> RecallWriter.append(file))
          .withMessageContaining("another run is writing to it");
      writer.write(HIT);
      assertThat(file).hasContent(HIT_LINE);
      writer.write(MISS);
      assertThat(Files.readString(file)).isEqualTo(HIT_LINE + MISS_LINE);
    }
  }

  @Test
  void goesOnAfterWhatIsThere() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    try (RecallWriter writer = RecallWriter.append(file)) {
      writer.write(MISS);
    }
    try (RecallWriter writer = RecallWriter.append(file)) {
      writer.write(HIT);
    }
    assertThat(Files.readString(file)).isEqualTo(MISS_LINE + HIT_LINE);
  }

  @Test
  void endsAHalfWrittenLineFirst() throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), "{\"id\":\"p-");
    try (RecallWriter writer = RecallWriter.append(file)) {
      writer.write(MISS);
    }
    assertThat(Files.readString(file)).isEqualTo("{\"id\":\"p-\n" + MISS_LINE);
  }

  @Test
  void figuresAreFinite() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RecallRow(null, "", "", "", 1, null, "", 1, "", null, 1, 0.0 / 0, 1))
        .withMessage("decodeMsPerToken must be finite: NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RecallRow(null, "", "", "", 1, null, "", 1, "", null, 1 / 0.0, 1, 1))
        .withMessage("prefillTokensPerSecond must be finite: Infinity");
  }
}
