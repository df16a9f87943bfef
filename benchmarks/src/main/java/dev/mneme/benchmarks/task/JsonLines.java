package dev.mneme.benchmarks.task;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Reads samples from a file of JSON lines, one object a line, in UTF-8; blank lines are skipped.
 *
 * <p>Formats are those of {@link DataFormat}: our own, InfiniteBench's, LongBench's, Lost in the
 * Middle's and that of kvpress, told apart by their keys. A file whose name ends in {@code .gz} is
 * unpacked. Keys that a format does not have are ignored. The needle is where the first of the
 * answers that occurs in the context occurs first.
 */
public final class JsonLines {

  private static final ObjectReader READER =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build().reader();

  private JsonLines() {}

  /**
   * Reads all samples of a file.
   *
   * @throws IOException when the file cannot be read, holds no sample, or a line is not a sample:
   *     then the message starts with {@code file:line}
   */
  public static List<Sample> read(Path file) throws IOException {
    String name = file.getFileName().toString();
    boolean packed = name.endsWith(".gz");
    String task = name.replaceFirst("\\.gz$", "").replaceFirst("\\.[^.]+$", "");
    List<Sample> samples = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    try (InputStream in = Files.newInputStream(file);
        BufferedReader reader =
            new BufferedReader(
                new InputStreamReader(packed ? new GZIPInputStream(in) : in, UTF_8.newDecoder()))) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        try {
          DataLine data = new DataLine(READER.readTree(line));
          Sample sample = DataFormat.of(data).sample(data, task, number);
          if (!ids.add(sample.id())) {
            throw new IllegalArgumentException(
                "there is a sample of this id already: " + sample.id());
          }
          samples.add(sample);
        } catch (JacksonException e) {
          throw new IOException(
              "%s:%d: not JSON: %s".formatted(file, number, e.getOriginalMessage()), e);
        } catch (IllegalArgumentException e) {
          throw new IOException("%s:%d: %s".formatted(file, number, e.getMessage()), e);
        }
      }
    } catch (CharacterCodingException e) {
      throw new IOException("%s: not UTF-8 text".formatted(file), e);
    }
    if (samples.isEmpty()) {
      throw new IOException("%s: holds no samples".formatted(file));
    }
    return List.copyOf(samples);
  }
}
