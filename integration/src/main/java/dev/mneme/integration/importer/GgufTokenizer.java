package dev.mneme.integration.importer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The tokenizer of a GGUF file as a {@code tokenizer.json} of Hugging Face's tokenizers: byte-level
 * BPE with the pre-tokenizer that the file names. A pre-tokenizer or an option that is not known is
 * refused by name, because a tokenizer that is nearly right is wrong.
 */
final class GgufTokenizer {

  static final String TOKENS = "tokenizer.ggml.tokens";

  private static final String MODEL = "tokenizer.ggml.model";
  private static final String PRE_TOKENIZER = "tokenizer.ggml.pre";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String MERGES = "tokenizer.ggml.merges";
  private static final List<String> UNSUPPORTED_FLAGS =
      List.of(
          "tokenizer.ggml.add_bos_token",
          "tokenizer.ggml.add_eos_token",
          "tokenizer.ggml.add_space_prefix");

  private static final long CONTROL = 3;
  private static final long USER_DEFINED = 4;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final GgufMetadata metadata;
  private final List<String> tokens;

  /** Checks that the tokenizer is one of the supported kind. */
  GgufTokenizer(GgufMetadata metadata) throws IOException {
    this.metadata = metadata;
    tokens = metadata.texts(TOKENS);
    require(MODEL, "gpt2");
    require(PRE_TOKENIZER, "smollm");
    for (String flag : UNSUPPORTED_FLAGS) {
      if (metadata.flag(flag)) {
        throw metadata.unexpected(flag, "false, the one supported", true);
      }
    }
  }

  int vocabulary() {
    return tokens.size();
  }

  /** The id of a special token such as "bos", if the file names one. */
  Optional<Integer> id(String role) throws IOException {
    String key = "tokenizer.ggml." + role + "_token_id";
    Optional<Long> id = metadata.findInteger(key);
    if (id.isPresent() && (id.get() < 0 || id.get() >= tokens.size())) {
      throw metadata.unexpected(key, "a token id below " + tokens.size(), id.get());
    }
    return id.map(Long::intValue);
  }

  /** The text of a special token such as "bos", if the file names one. */
  Optional<String> token(String role) throws IOException {
    return id(role).map(tokens::get);
  }

  /** The content of {@code tokenizer.json}. */
  ObjectNode toJson() throws IOException {
    ObjectNode root = JSON.objectNode();
    root.put("version", "1.0");
    root.putNull("truncation");
    root.putNull("padding");
    root.set("added_tokens", addedTokens());
    root.putNull("normalizer");
    ObjectNode splitter = root.putObject("pre_tokenizer");
    splitter.put("type", "Sequence");
    ArrayNode steps = splitter.putArray("pretokenizers");
    steps.addObject().put("type", "Digits").put("individual_digits", true);
    steps.add(byteLevel());
    root.putNull("post_processor");
    root.set("decoder", byteLevel());
    root.set("model", bytePairs());
    return root;
  }

  private ArrayNode addedTokens() throws IOException {
    List<Long> types = metadata.integers(TYPES);
    if (types.size() != tokens.size()) {
      throw metadata.unexpected(TYPES, tokens.size() + " entries", types.size());
    }
    ArrayNode added = JSON.arrayNode();
    for (int id = 0; id < tokens.size(); id++) {
      long type = types.get(id);
      if (type == CONTROL || type == USER_DEFINED) {
        added
            .addObject()
            .put("id", id)
            .put("content", tokens.get(id))
            .put("single_word", false)
            .put("lstrip", false)
            .put("rstrip", false)
            .put("normalized", false)
            .put("special", type == CONTROL);
      }
    }
    return added;
  }

  private static ObjectNode byteLevel() {
    return JSON.objectNode()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
  }

  private ObjectNode bytePairs() throws IOException {
    ObjectNode model = JSON.objectNode();
    model.put("type", "BPE");
    model.putNull("dropout");
    model.putNull("unk_token");
    model.putNull("continuing_subword_prefix");
    model.putNull("end_of_word_suffix");
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      if (vocabulary.has(token)) {
        throw metadata.unexpected(TOKENS, "each token once", token + " twice");
      }
      vocabulary.put(token, id);
    }
    ArrayNode merges = model.putArray("merges");
    for (String merge : metadata.texts(MERGES)) {
      int space = merge.indexOf(' ');
      if (space < 1 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
        throw metadata.unexpected(MERGES, "two tokens with a space between", merge);
      }
      merges.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
    }
    return model;
  }

  private void require(String key, String supported) throws IOException {
    String found = metadata.text(key);
    if (!found.equals(supported)) {
      throw metadata.unexpected(key, supported + ", the one supported", found);
    }
  }
}
