package dev.mneme.integration.importer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tokenizer of a GGUF file as a {@code tokenizer.json} of Hugging Face's tokenizers: byte-level
 * BPE with the pre-tokenizer that the file names, or SentencePiece's BPE by scores. A pre-tokenizer
 * or an option that is not known is refused by name, because a tokenizer that is nearly right is
 * wrong.
 */
final class GgufTokenizer {

  static final String TOKENS = "tokenizer.ggml.tokens";

  private static final String MODEL = "tokenizer.ggml.model";
  private static final String PRE_TOKENIZER = "tokenizer.ggml.pre";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String MERGES = "tokenizer.ggml.merges";
  private static final String SCORES = "tokenizer.ggml.scores";
  private static final String ADD_BOS = "tokenizer.ggml.add_bos_token";
  private static final String SPACE_PREFIX = "tokenizer.ggml.add_space_prefix";
  private static final List<String> UNSUPPORTED_FLAGS =
      List.of(
          "tokenizer.ggml.add_eos_token",
          "tokenizer.ggml.add_sep_token",
          "tokenizer.ggml.remove_extra_whitespaces");

  private static final long NORMAL = 1;
  private static final long CONTROL = 3;
  private static final long USER_DEFINED = 4;

  /** What SentencePiece has for a space. */
  private static final String SPACE = "\u2581";

  /** What Qwen 2 takes for a word: with a sign or space in front; digits one by one. */
  private static final String QWEN2_WORD =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final GgufMetadata metadata;
  private final List<String> tokens;
  private final Kind kind;

  /** Checks that the tokenizer is one of the supported kinds. */
  GgufTokenizer(GgufMetadata metadata) throws IOException {
    this.metadata = metadata;
    tokens = metadata.texts(TOKENS);
    kind = Kind.of(metadata);
    for (String flag : UNSUPPORTED_FLAGS) {
      if (metadata.flag(flag, false)) {
        throw metadata.unexpected(flag, "false, the one supported", true);
      }
    }
    // Left out, it means true for SentencePiece.
    if (metadata.flag(SPACE_PREFIX, kind == Kind.SENTENCE_PIECE)) {
      throw metadata.unexpected(
          SPACE_PREFIX,
          "false, the one supported",
          metadata.contains(SPACE_PREFIX) ? "true" : "nothing, which means true");
    }
    if (addsBos() && id("bos").isEmpty()) {
      throw metadata.unexpected(ADD_BOS, "false where no bos token is named", true);
    }
  }

  int vocabulary() {
    return tokens.size();
  }

  /** Whether a text begins with the token "bos". */
  boolean addsBos() throws IOException {
    return metadata.flag(ADD_BOS, kind == Kind.SENTENCE_PIECE);
  }

  /** The ids of the tokens that end a text or a turn of a conversation. */
  List<Integer> endIds() throws IOException {
    return Stream.of(id("eos"), id("eot")).flatMap(Optional::stream).distinct().toList();
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
    List<Long> types = entries(TYPES, metadata.integers(TYPES));
    ObjectNode root = JSON.objectNode();
    root.put("version", "1.0");
    root.putNull("truncation");
    root.putNull("padding");
    root.set("added_tokens", addedTokens(types));
    root.set("normalizer", normalizer());
    root.set("pre_tokenizer", preTokenizer());
    root.set("post_processor", postProcessor());
    root.set("decoder", decoder());
    root.set("model", model(types));
    return root;
  }

  private ArrayNode addedTokens(List<Long> types) {
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

  private JsonNode normalizer() {
    return switch (kind) {
      case SMOLLM -> JSON.nullNode();
      case QWEN2 -> step("NFC");
      case SENTENCE_PIECE -> replace(" ", SPACE);
    };
  }

  private JsonNode preTokenizer() {
    return switch (kind) {
      case SMOLLM ->
          sequence("pretokenizers", step("Digits").put("individual_digits", true), byteLevel(true));
      case QWEN2 -> {
        ObjectNode split = step("Split").put("behavior", "Isolated").put("invert", false);
        split.putObject("pattern").put("Regex", QWEN2_WORD);
        yield sequence("pretokenizers", split, byteLevel(false));
      }
      case SENTENCE_PIECE -> JSON.nullNode();
    };
  }

  /** Puts the token "bos" in front of a text, where the file says so. */
  private JsonNode postProcessor() throws IOException {
    Optional<Integer> bos = addsBos() ? id("bos") : Optional.empty();
    if (bos.isEmpty()) {
      return JSON.nullNode();
    }
    String token = tokens.get(bos.get());
    ObjectNode template = step("TemplateProcessing");
    ArrayNode single = template.putArray("single");
    single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    ArrayNode pair = template.putArray("pair").addAll(single.deepCopy());
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
    ObjectNode special = template.putObject("special_tokens").putObject(token).put("id", token);
    special.putArray("ids").add(bos.get());
    special.putArray("tokens").add(token);
    return template;
  }

  private JsonNode decoder() {
    return kind == Kind.SENTENCE_PIECE
        ? sequence("decoders", replace(SPACE, " "), step("ByteFallback"), step("Fuse"))
        : byteLevel(true);
  }

  private ObjectNode model(List<Long> types) throws IOException {
    boolean sentencePiece = kind == Kind.SENTENCE_PIECE;
    ObjectNode model = step("BPE");
    model.putNull("dropout");
    model.putNull("unk_token");
    model.putNull("continuing_subword_prefix");
    model.putNull("end_of_word_suffix");
    model.put("fuse_unk", sentencePiece);
    model.put("byte_fallback", sentencePiece);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      if (vocabulary.has(token)) {
        throw metadata.unexpected(TOKENS, "each token once", token + " twice");
      }
      vocabulary.put(token, id);
    }
    model.set("merges", sentencePiece ? mergesByScore(types) : merges());
    return model;
  }

  private ArrayNode merges() throws IOException {
    ArrayNode merges = JSON.arrayNode();
    for (String merge : metadata.texts(MERGES)) {
      int space = merge.indexOf(' ');
      if (space < 1 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
        throw metadata.unexpected(MERGES, "two tokens with a space between", merge);
      }
      merges.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
    }
    return merges;
  }

  private ArrayNode mergesByScore(List<Long> types) throws IOException {
    List<Double> scores = entries(SCORES, metadata.reals(SCORES));
    ScoredMerges pieces = new ScoredMerges();
    for (int id = 0; id < tokens.size(); id++) {
      if (types.get(id) == NORMAL) {
        pieces.add(tokens.get(id), scores.get(id));
      }
    }
    ArrayNode merges = JSON.arrayNode();
    for (ScoredMerges.Merge merge : pieces.list()) {
      merges.addArray().add(merge.left()).add(merge.right());
    }
    return merges;
  }

  /** Checks that a list has an entry for each token. */
  private <T> List<T> entries(String key, List<T> list) throws IOException {
    if (list.size() != tokens.size()) {
      throw metadata.unexpected(key, tokens.size() + " entries", list.size());
    }
    return list;
  }

  private static ObjectNode step(String type) {
    return JSON.objectNode().put("type", type);
  }

  private static ObjectNode sequence(String name, ObjectNode... steps) {
    ObjectNode sequence = step("Sequence");
    sequence.putArray(name).addAll(List.of(steps));
    return sequence;
  }

  private static ObjectNode replace(String text, String by) {
    ObjectNode replace = step("Replace").put("content", by);
    replace.putObject("pattern").put("String", text);
    return replace;
  }

  private static ObjectNode byteLevel(boolean splits) {
    return step("ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", splits);
  }

  /** The kinds of tokenizers that are supported. */
  private enum Kind {
    /** Byte-level BPE; digits stand alone, words as in GPT-2. */
    SMOLLM,
    /** Byte-level BPE of Qwen 2. */
    QWEN2,
    /** Pieces joined by score, spaces among them, and bytes for what no piece has. */
    SENTENCE_PIECE;

    static Kind of(GgufMetadata metadata) throws IOException {
      String model = metadata.text(MODEL);
      if (model.equals("llama")) {
        return SENTENCE_PIECE;
      }
      if (!model.equals("gpt2")) {
        throw metadata.unexpected(MODEL, "one of gpt2, llama", model);
      }
      String found = metadata.text(PRE_TOKENIZER);
      return switch (found) {
        case "smollm" -> SMOLLM;
        case "qwen2" -> QWEN2;
        default -> throw metadata.unexpected(PRE_TOKENIZER, "one of smollm, qwen2", found);
      };
    }
  }
}
