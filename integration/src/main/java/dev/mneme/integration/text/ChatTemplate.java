package dev.mneme.integration.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.mneme.integration.jinja.JinjaTemplate;
import dev.mneme.integration.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The words in which a model was taught to read a chat, as {@code apply_chat_template} of Hugging
 * Face renders them. Thread-safe.
 */
public final class ChatTemplate {

  private static final String TEMPLATE_FILE = "chat_template.jinja";
  private static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  private static final String KEY = "chat_template";

  private final JinjaTemplate template;
  private final Map<String, Object> tokens;

  private ChatTemplate(JinjaTemplate template, Map<String, Object> tokens) {
    this.template = template;
    this.tokens = tokens;
  }

  /**
   * Reads the template of a model.
   *
   * @param folder holds {@code chat_template.jinja}, or {@code tokenizer_config.json} with the key
   *     {@code chat_template}: a template, or a list of them with their names, of which the default
   *     one counts. Special tokens are those of {@code tokenizer_config.json} and {@code
   *     special_tokens_map.json}.
   * @throws IOException if there is no template or a file cannot be understood; the message names
   *     the folder or the file
   */
  public static ChatTemplate read(Path folder) throws IOException {
    Path config = folder.resolve(TOKENIZER_CONFIG);
    JsonNode configuration = ConfigurationFile.read(config);
    Map<String, Object> tokens = new HashMap<>();
    addTokens(ConfigurationFile.read(folder.resolve("special_tokens_map.json")), tokens);
    addTokens(configuration, tokens);
    Path file = folder.resolve(TEMPLATE_FILE);
    JinjaTemplate template =
        Files.exists(file)
            ? new JinjaTemplate(file.toString(), Files.readString(file))
            : declared(config, configuration.path(KEY));
    return new ChatTemplate(template, tokens);
  }

  private static void addTokens(JsonNode configuration, Map<String, Object> tokens) {
    for (Map.Entry<String, JsonNode> property : configuration.properties()) {
      JsonNode token = property.getValue();
      if (property.getKey().endsWith("_token") && (token.isTextual() || token.isObject())) {
        tokens.put(property.getKey(), ConfigurationFile.token(token));
      }
    }
  }

  private static JinjaTemplate declared(Path config, JsonNode found) throws IOException {
    if (found.isMissingNode() || found.isNull()) {
      throw new IOException(
          "%s: no chat template: neither %s nor %s in %s"
              .formatted(config.resolveSibling(""), TEMPLATE_FILE, KEY, TOKENIZER_CONFIG));
    }
    Optional<JsonNode> template =
        found.isArray()
            ? found
                .valueStream()
                .filter(named -> named.path("name").asText().equals("default"))
                .map(named -> named.path("template"))
                .findFirst()
            : Optional.of(found);
    return template
        .filter(JsonNode::isTextual)
        .map(text -> new JinjaTemplate(config.toString(), text.asText()))
        .orElseThrow(() ->
            new IOException(
                "%s: %s must be a template or a list with one named default"
                    .formatted(config, KEY)));
  }

  /**
   * A chat as the text that the model reads.
   *
   * @param answering whether the beginning of the model's answer follows
   * @throws TemplateException if the template refuses the messages, as many do where roles do not
   *     alternate, or has a construct that is not known
   */
  public String render(List<ChatMessage> messages, boolean answering) {
    Map<String, Object> variables = new HashMap<>(tokens);
    variables.put("messages", messages.stream().map(ChatTemplate::mapping).toList());
    variables.put("add_generation_prompt", answering);
    return template.render(variables);
  }

  private static Map<String, Object> mapping(ChatMessage message) {
    Map<String, Object> mapping = new LinkedHashMap<>(); // templates may print it
    mapping.put("role", message.role());
    mapping.put("content", message.content());
    return mapping;
  }
}
