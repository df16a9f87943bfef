package dev.mneme.integration.importer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Makes an ONNX model folder out of a GGUF file of the architectures llama, qwen2 and gemma3.
 *
 * <p>The folder is laid out as onnxruntime-genai's model builder does: {@code model.onnx} with
 * com.microsoft GroupQueryAttention, {@code model.onnx.data}, {@code genai_config.json}, {@code
 * tokenizer.json}, {@code tokenizer_config.json}, {@code chat_template.jinja} where the file has a
 * template, and {@code config.json} where layers see a window only. Which tensors can be read is in
 * {@link GgufType}. What is not supported is refused by name before any weight is written.
 * Stateless, so safe for use by several threads.
 */
public final class GgufImporter {

  private static final ObjectMapper JSON = new ObjectMapper();

  private GgufImporter() {}

  /**
   * Converts {@code gguf} into files in {@code folder}.
   *
   * @param folder an existing folder without the files that are made; files already written stay
   *     there when the conversion fails
   * @throws IOException if the file cannot be read or is not supported, or a file cannot be written
   */
  public static void convert(Path gguf, Path folder, ImportOptions options, Progress progress)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      GgufFile file = GgufFile.open(gguf, arena);
      Source source = Source.of(file, options);
      DecoderShape shape = source.weights().shape();
      writeJson(folder.resolve("genai_config.json"), configuration(shape, source.tokenizer()));
      writeJson(folder.resolve("tokenizer.json"), source.tokenizer().toJson());
      writeJson(
          folder.resolve("tokenizer_config.json"),
          tokenizerConfiguration(shape, source.tokenizer()));
      if (shape.windows().exist()) {
        writeJson(folder.resolve("config.json"), windowConfiguration(shape));
      }
      Optional<String> template = file.metadata().findText("tokenizer.chat_template");
      if (template.isPresent()) {
        Files.writeString(folder.resolve("chat_template.jinja"), template.get());
      }
      try (Progress.Task task =
          progress.start("converting " + gguf.getFileName(), source.bytes())) {
        DecoderGraph.write(source.weights(), options, folder, task);
      }
    }
  }

  /**
   * About how many bytes {@link #convert} will write.
   *
   * @throws IOException if the file cannot be read or is not supported
   */
  public static long outputBytes(Path gguf, ImportOptions options) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      GgufFile file = GgufFile.open(gguf, arena);
      return Source.of(file, options).bytes();
    }
  }

  private static ObjectNode configuration(DecoderShape shape, GgufTokenizer tokenizer)
      throws IOException {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ObjectNode model = root.putObject("model");
    for (String role : List.of("bos", "eos", "padding")) {
      Optional<Integer> id = tokenizer.id(role);
      if (id.isPresent()) {
        model.put(role.equals("padding") ? "pad_token_id" : role + "_token_id", id.get());
      }
    }
    List<Integer> ends = tokenizer.endIds();
    if (ends.size() > 1) {
      ends.forEach(model.putArray("eos_token_id")::add);
    }
    model.put("context_length", shape.contextLength());
    model.put("type", shape.architecture().configName());
    model.put("vocab_size", shape.vocabulary());
    ObjectNode decoder = model.putObject("decoder");
    ObjectNode session = decoder.putObject("session_options");
    session.put("log_id", "onnxruntime-genai");
    session.putArray("provider_options");
    decoder.put("filename", DecoderGraph.MODEL_FILE);
    decoder.put("head_size", shape.headSize());
    decoder.put("hidden_size", shape.hidden());
    decoder.put("num_attention_heads", shape.heads());
    decoder.put("num_hidden_layers", shape.layers());
    decoder.put("num_key_value_heads", shape.kvHeads());
    decoder
        .putObject("inputs")
        .put("input_ids", "input_ids")
        .put("attention_mask", "attention_mask")
        .put("past_key_names", "past_key_values.%d.key")
        .put("past_value_names", "past_key_values.%d.value");
    decoder
        .putObject("outputs")
        .put("logits", "logits")
        .put("present_key_names", "present.%d.key")
        .put("present_value_names", "present.%d.value");
    root.putObject("search")
        .put("do_sample", false)
        .put("max_length", shape.contextLength())
        .put("min_length", 0)
        .put("num_beams", 1)
        .put("num_return_sequences", 1)
        .put("past_present_share_buffer", true)
        .put("repetition_penalty", 1.0)
        .put("temperature", 1.0)
        .put("top_k", 50)
        .put("top_p", 1.0);
    return root;
  }

  /** What Hugging Face's configuration says of windows. */
  private static ObjectNode windowConfiguration(DecoderShape shape) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("model_type", shape.architecture().configName());
    root.put("sliding_window", shape.windows().tokens());
    ArrayNode types = root.putArray("layer_types");
    for (int layer = 0; layer < shape.layers(); layer++) {
      types.add(shape.windows().contain(layer) ? "sliding_attention" : "full_attention");
    }
    return root;
  }

  private static ObjectNode tokenizerConfiguration(DecoderShape shape, GgufTokenizer tokenizer)
      throws IOException {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    if (tokenizer.addsBos()) {
      root.put("add_bos_token", true);
    }
    root.put("add_prefix_space", false);
    root.put("clean_up_tokenization_spaces", false);
    root.put("model_max_length", shape.contextLength());
    root.put("tokenizer_class", "PreTrainedTokenizerFast");
    for (String role : List.of("bos", "eos", "padding", "unknown")) {
      String name = role.equals("padding") ? "pad" : role.equals("unknown") ? "unk" : role;
      Optional<String> token = tokenizer.token(role);
      if (token.isPresent()) {
        root.put(name + "_token", token.get());
      }
    }
    return root;
  }

  private static void writeJson(Path path, JsonNode content) throws IOException {
    JSON.writerWithDefaultPrettyPrinter().writeValue(path.toFile(), content);
  }

  /**
   * A file that can be converted.
   *
   * @param bytes about what the conversion writes
   */
  private record Source(DecoderWeights weights, GgufTokenizer tokenizer, long bytes) {

    static Source of(GgufFile file, ImportOptions options) throws IOException {
      GgufMetadata metadata = file.metadata();
      DecoderShape shape = DecoderShape.of(metadata);
      DecoderWeights weights = new DecoderWeights(file, shape);
      GgufTokenizer tokenizer = new GgufTokenizer(metadata);
      if (tokenizer.vocabulary() != shape.vocabulary()) {
        throw metadata.unexpected(
            GgufTokenizer.TOKENS, shape.vocabulary() + " tokens", tokenizer.vocabulary());
      }
      boolean wholeBlocks =
          shape.hidden() % BlockQuantizer.BLOCK == 0
              && shape.querySize() % BlockQuantizer.BLOCK == 0
              && shape.feedForward() % BlockQuantizer.BLOCK == 0;
      if (options.precision() != Precision.FP32 && !wholeBlocks) {
        throw new IOException(
            "%s: sizes %d, %d and %d are not in blocks of %d: only precision fp32 is possible"
                .formatted(
                    metadata.file(),
                    shape.hidden(),
                    shape.querySize(),
                    shape.feedForward(),
                    BlockQuantizer.BLOCK));
      }
      boolean ownHead = weights.ownHead().isPresent();
      return new Source(
          weights, tokenizer, DecoderGraph.dataBytes(shape, ownHead, options.precision()));
    }
  }
}
