package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads samples from a file of JSON lines, one object a line, in UTF-8; blank lines are skipped.
 *
 * <p>Keys of a line: {@code id}, {@code context}, {@code question}, {@code answer_prefix} and
 * {@code answers} (an array of strings) are required, {@code max_new_tokens} as well; {@code task}
 * (default: the name of the file without its ending) and {@code depth} (0 to 1) may be given. Other
 * keys are ignored, because data sets carry keys of their own. The needle is where the first of the
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
    String task = file.getFileName().toString().replaceFirst("\\.[^.]+$", "");
    List<Sample> samples = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        try {
          samples.add(new Line(READER.readTree(line)).sample(task));
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

  /** One parsed line; what is wrong with it is an {@link IllegalArgumentException}. */
  private record Line(JsonNode node) {

    Line {
      if (!node.isObject()) {
        throw new IllegalArgumentException("must be a JSON object: " + node.getNodeType());
      }
    }

    Sample sample(String fileTask) {
      JsonNode task = node.get("task");
      JsonNode depth = node.get("depth");
      String context = text("context", required("context"));
      List<String> answers = answers();
      return new Sample(
          text("id", required("id")),
          task == null ? fileTask : text("task", task),
          new Prompt(
              context,
              needle(context, answers),
              text("question", required("question")),
              text("answer_prefix", required("answer_prefix")),
              answers),
          Scoring.CONTAINS_ANY,
          maxNewTokens(),
          depth == null || depth.isNull() ? null : depth(depth));
    }

    private static List<Span> needle(String context, List<String> answers) {
      for (String answer : answers) {
        int at = context.indexOf(answer);
        if (at >= 0) {
          return List.of(new Span(at, at + answer.length()));
        }
      }
      return List.of();
    }

    private List<String> answers() {
      JsonNode answers = required("answers");
      if (!answers.isArray()) {
        throw wrong("answers", "an array of strings", answers);
      }
      return answers.valueStream().map(answer -> text("answers", answer)).toList();
    }

    private int maxNewTokens() {
      JsonNode tokens = required("max_new_tokens");
      if (!tokens.canConvertToExactIntegral() || !tokens.canConvertToInt()) {
        throw wrong("max_new_tokens", "an integer", tokens);
      }
      return tokens.intValue();
    }

    private static double depth(JsonNode depth) {
      if (!depth.isNumber()) {
        throw wrong("depth", "a number", depth);
      }
      return depth.doubleValue();
    }

    private static String text(String key, JsonNode value) {
      if (!value.isTextual()) {
        throw wrong(key, "a string", value);
      }
      return value.textValue();
    }

    private JsonNode required(String key) {
      JsonNode value = node.get(key);
      if (value == null) {
        throw new IllegalArgumentException("missing key: " + key);
      }
      return value;
    }

    private static IllegalArgumentException wrong(String key, String expected, JsonNode found) {
      return new IllegalArgumentException("%s must be %s: %s".formatted(key, expected, found));
    }
  }
}
