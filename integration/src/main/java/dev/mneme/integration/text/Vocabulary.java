package dev.mneme.integration.text;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the native tokenizer does not tell of itself: the size of its vocabulary and the ids of its
 * added tokens.
 *
 * @param size one more than the highest id
 * @param added ids of the added tokens by their text
 * @param special those of the added tokens that are special
 */
record Vocabulary(int size, Map<String, Integer> added, Set<String> special) {

  private static final JsonMapper JSON = new JsonMapper();

  static Vocabulary read(Path tokenizerJson) throws IOException {
    @Nullable TokenizerFile file;
    try {
      file = JSON.readValue(tokenizerJson.toFile(), TokenizerFile.class);
    } catch (JacksonException e) {
      throw new IOException(
          "%s: not a tokenizer: %s".formatted(tokenizerJson, e.getOriginalMessage()), e);
    }
    if (file == null || file.model() == null || file.model().vocab() == null) {
      throw new IOException("%s: not a tokenizer: model.vocab is missing".formatted(tokenizerJson));
    }
    return of(file.model().vocab(), Objects.requireNonNullElse(file.addedTokens(), List.of()));
  }

  private static Vocabulary of(JsonNode vocab, List<AddedToken> addedTokens) {
    // A list of pieces, whose ids are their places, in Unigram models; else ids by piece.
    int size =
        vocab.isArray()
            ? vocab.size()
            : vocab.valueStream().mapToInt(JsonNode::intValue).max().orElse(-1) + 1;
    Map<String, Integer> added = new HashMap<>();
    Set<String> special = new HashSet<>();
    for (AddedToken token : addedTokens) {
      size = Math.max(size, token.id() + 1);
      added.put(token.content(), token.id());
      if (token.special()) {
        special.add(token.content());
      }
    }
    return new Vocabulary(size, Map.copyOf(added), Set.copyOf(special));
  }

  /** The id of an added token, empty when there is none of that text. */
  OptionalInt id(String content) {
    Integer id = added.get(content);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record TokenizerFile(
      @Nullable Model model,
      @JsonProperty("added_tokens") @Nullable List<AddedToken> addedTokens) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record Model(@Nullable JsonNode vocab) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record AddedToken(int id, String content, boolean special) {}
}
