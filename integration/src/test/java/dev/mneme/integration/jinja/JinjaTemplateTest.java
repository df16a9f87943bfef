package dev.mneme.integration.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class JinjaTemplateTest {

  private static final Map<String, Object> VARIABLES =
      Map.of("messages", List.of(Map.of("role", "user", "content", "Hi")));

  /** One construct each, with what Jinja2 makes of it: src/test/python/chat_templates.py. */
  static Stream<Arguments> constructs() throws IOException {
    JsonMapper json = new JsonMapper();
    JsonNode expected =
        json.readTree(Path.of("src/test/resources/chat-templates/expected.json").toFile());
    Map<String, Object> variables =
        json.convertValue(expected.get("variables"), new TypeReference<>() {});
    return expected
        .get("constructs")
        .valueStream()
        .map(each ->
            Arguments.of(
                each.get("template").textValue(), each.get("text").textValue(), variables));
  }

  @ParameterizedTest
  @MethodSource("constructs")
  void rendersAsJinja2(String template, String text, Map<String, Object> variables) {
    assertThat(new JinjaTemplate("chat.jinja", template).render(variables)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      quoteCharacter = '`',
      value = {
        "{{ raise_exception('No roles.') }} ^ chat.jinja: No roles.",
        "{{ messages | shout }} ^ chat.jinja: line 1: no filter named 'shout' in 'messages | shout'",
        "{% if 1 is loud %}{% endif %} ^ chat.jinja: line 1: no test named 'loud' in '1 is loud'",
        "{{ shout(1) }} ^ chat.jinja: line 1: Could not resolve function 'shout' in 'shout(1)'",
        "{{ 'a'.shout(1) }}"
            + " ^ chat.jinja: line 1: str.shout with 1 arguments is not supported in ''a'.shout(1)'",
        "{{ messages[0].getClass() }} ^ chat.jinja: line 1: dict.getClass with 0 arguments is not"
            + " supported in 'messages[0].getClass()'",
        "{{ messages }} ^ chat.jinja: line 1: a list cannot be written as text",
        "{% for a in 3 %}{% endfor %} ^ chat.jinja: line 1: Syntax error in '{% for a in 3 %}':"
            + " number has no items",
        "{% for a, b in ['abc'] %}{% endfor %} ^ chat.jinja: line 1: Syntax error in '{% for a, b in"
            + " ['abc'] %}': 3 values for 2 names",
        "{% shout %} ^ chat.jinja: line 1: Syntax error in '{% shout %}': Unknown tag: shout",
        "{% include 'a' %} ^ chat.jinja: 'include' is disabled in this context",
        "{# open ^ chat.jinja: line 1: Unclosed comment",
        "{{ 'a'[::0] }} ^ chat.jinja: line 1: the step of a slice is 0 in ''a'[::0]'"
      })
  void namesWhatItCannotRender(String template, String message) {
    assertThatExceptionOfType(TemplateException.class)
        .isThrownBy(() -> new JinjaTemplate("chat.jinja", template).render(VARIABLES))
        .withMessage(message);
  }

  @Test
  void namesTheLine() {
    JinjaTemplate template =
        new JinjaTemplate("chat.jinja", "{# two\nlines #}\n{{ 'a' }}\n{{ messages | shout }}\n");
    assertThatExceptionOfType(TemplateException.class)
        .isThrownBy(() -> template.render(VARIABLES))
        .withMessageStartingWith("chat.jinja: line 4: no filter");
  }

  /** Templates fall back to a date of their own where they find no function for today's. */
  @Test
  void functionsAreDefinedEveryTime() {
    JinjaTemplate template = new JinjaTemplate("chat.jinja", "{{ strftime_now is defined }}");
    assertThat(template.render(Map.of())).isEqualTo("True");
    assertThat(template.render(Map.of())).isEqualTo("True");
  }

  @Test
  void servesSeveralThreads() throws Exception {
    JinjaTemplate template =
        new JinjaTemplate(
            "chat.jinja", "{% set x = name %}{% for i in range(50) %}{{ x }}{% endfor %}");
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<String>> rendered =
          IntStream.range(0, 40)
              .mapToObj(
                  i -> threads.submit(() -> template.render(Map.of("name", Integer.toString(i)))))
              .toList();
      for (int i = 0; i < rendered.size(); i++) {
        assertThat(rendered.get(i).get()).isEqualTo(Integer.toString(i).repeat(50));
      }
    }
  }
}
