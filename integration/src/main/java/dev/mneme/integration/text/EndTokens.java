package dev.mneme.integration.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Finds the tokens that end a text in the files beside a model. */
final class EndTokens {

  /** End tokens of well-known models, for folders that do not declare theirs. */
  private static final List<String> USUAL_NAMES =
      List.of(
          "</s>",
          "<eos>",
          "<|end_of_text|>",
          "<|endoftext|>",
          "<|im_end|>",
          "<|eot_id|>",
          "<|end|>",
          "<end_of_turn>");

  private EndTokens() {}

  static Set<Integer> read(Path folder, Vocabulary vocabulary) throws IOException {
    Set<Integer> ends = new TreeSet<>();
    addIds(folder.resolve("genai_config.json"), "/model/eos_token_id", ends);
    addIds(folder.resolve("generation_config.json"), "/eos_token_id", ends);
    addContent(folder.resolve("tokenizer_config.json"), vocabulary, ends);
    addContent(folder.resolve("special_tokens_map.json"), vocabulary, ends);
    if (ends.isEmpty()) {
      USUAL_NAMES.stream()
          .filter(vocabulary.special()::contains)
          .forEach(name -> vocabulary.id(name).ifPresent(ends::add));
    }
    return Set.copyOf(ends);
  }

  /** Adds the id, or each of the array of ids, at {@code pointer}. */
  private static void addIds(Path file, String pointer, Set<Integer> ends) throws IOException {
    JsonNode found = ConfigurationFile.read(file).at(pointer);
    if (found.isMissingNode() || found.isNull()) {
      return;
    }
    for (JsonNode id : found.isArray() ? found : List.of(found)) {
      if (!id.canConvertToInt() || !id.isIntegralNumber() || id.intValue() < 0) {
        throw new IOException("%s: %s must be a token id: %s".formatted(file, pointer, id));
      }
      ends.add(id.intValue());
    }
  }

  private static void addContent(Path file, Vocabulary vocabulary, Set<Integer> ends)
      throws IOException {
    String content = ConfigurationFile.token(ConfigurationFile.read(file).path("eos_token"));
    vocabulary.id(content).ifPresent(ends::add);
  }
}
