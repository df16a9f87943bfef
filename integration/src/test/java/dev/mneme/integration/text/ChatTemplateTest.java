package dev.mneme.integration.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.mneme.integration.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {

  private static final Path TEMPLATES = Path.of("src/test/resources/chat-templates");
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path folder;

  /**
   * What Jinja2 makes of chats: src/test/python/chat_templates.py.
   *
   * @param text what it renders, or else {@code error} says why the template refuses the chat
   */
  record Chat(
      String file, List<ChatMessage> messages, boolean prompted, String text, String error) {}

  static Stream<Chat> chats() throws IOException {
    JsonNode expected = JSON.readTree(TEMPLATES.resolve("expected.json").toFile());
    String now =
        DateTimeFormatter.ofPattern("dd MMM yyyy", Locale.US)
            .format(LocalDate.now(ZoneId.systemDefault()));
    String chats = expected.get("chats").toString().replace(expected.get("today").asText(), now);
    return JSON.readValue(chats, new TypeReference<List<Chat>>() {}).stream();
  }

  @ParameterizedTest
  @MethodSource("chats")
  void rendersAsJinja2(Chat chat) throws IOException {
    Files.copy(TEMPLATES.resolve(chat.file()), folder.resolve("chat_template.jinja"));
    write(
        "tokenizer_config.json",
        "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}, \"add_bos_token\": true}");
    ChatTemplate template = ChatTemplate.read(folder);
    if (chat.error() == null) {
      assertThat(template.render(chat.messages(), chat.prompted())).isEqualTo(chat.text());
    } else {
      assertThatExceptionOfType(TemplateException.class)
          .isThrownBy(() -> template.render(chat.messages(), chat.prompted()))
          .withMessage("%s: %s", folder.resolve("chat_template.jinja"), chat.error());
    }
  }

  @Test
  void isFoundInTheTokenizersConfiguration() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": \"a{{ messages[0].content }}\"}");
    assertThat(rendered("x")).isEqualTo("ax");
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
            + " {\"name\": \"default\", \"template\": \"d{{ messages[0].content }}\"}]}");
    assertThat(rendered("x")).isEqualTo("dx");
    write("chat_template.jinja", "f{{ messages[0].content }}");
    assertThat(rendered("x")).isEqualTo("fx");
  }

  @Test
  void specialTokensAreThoseOfBothFiles() throws IOException {
    write("chat_template.jinja", "{{ bos_token }}{{ pad_token }}{{ unk_token }}{{ mask_token }}");
    write("special_tokens_map.json", "{\"bos_token\": \"<a>\", \"pad_token\": \"<p>\"}");
    write(
        "tokenizer_config.json",
        "{\"bos_token\": {\"content\": \"<b>\"}, \"unk_token\": \"<u>\", \"mask_token\": null}");
    assertThat(rendered("x")).isEqualTo("<b><p><u>");
  }

  @Test
  void namesTheFolderWithoutATemplate() throws IOException {
    for (String config : List.of("{}", "{\"chat_template\": null}")) {
      write("tokenizer_config.json", config);
      assertThatIOException()
          .isThrownBy(() -> ChatTemplate.read(folder))
          .withMessage(
              "%s: no chat template: neither chat_template.jinja nor chat_template in"
                  + " tokenizer_config.json",
              folder);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"7", "[]", "[{\"name\": \"tool_use\", \"template\": \"t\"}]", "{}"})
  void namesAConfigurationThatHasNoDefault(String template) throws IOException {
    Path file = write("tokenizer_config.json", "{\"chat_template\": %s}".formatted(template));
    assertThatIOException()
        .isThrownBy(() -> ChatTemplate.read(folder))
        .withMessage("%s: chat_template must be a template or a list with one named default", file);
  }

  private String rendered(String content) throws IOException {
    return ChatTemplate.read(folder).render(List.of(ChatMessage.user(content)), true);
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }
}
