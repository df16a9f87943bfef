package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.importer.RealModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the README shows: its Java example, which is {@link #example}, and its configuration. */
class ReadmeTest {

  private static final Path README = Path.of("../README.md");
  private static final Path SOURCE = Path.of("src/test/java/dev/mneme/ReadmeTest.java");

  private static void example(Path folder, String book, PrintStream out) throws IOException {
    // example
    try (MnemeModel model = MnemeModel.builder(folder).open();
        MnemeSession session = model.newSession()) {
      session.append(book);
      session.append(
          "\nQuestion: What is the capital of France?\nAnswer: The capital of France is");
      Generation answer =
          session.generate(
              GenerationOptions.builder().maxTokens(20).stopStrings("\n").trace(true).build());
      answer.forEachRemaining(out::print);
      out.println(answer.trace().passages()); // the far passages that the answer attended
    }
    // example
  }

  @Test
  void theExampleIsInTheReadme() throws IOException {
    String code = Files.readString(SOURCE).split("    // example\n", -1)[1].indent(-4);
    assertThat(fenced("java")).contains(code);
  }

  @Test
  void theExampleAnswers() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8)) {
      example(RealModel.folder(Precision.FP32), "France is a country in Europe.", print);
    }
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("Paris");
  }

  @Test
  void theConfigurationHoldsTheDefaults() throws IOException {
    List<String> blocks = fenced("yaml");
    assertThat(blocks).hasSize(1);
    assertThat(MnemeConfig.parse(blocks.getFirst())).isEqualTo(MnemeConfig.defaults());
    String keys = MnemeConfig.defaults().toYaml();
    keys.lines()
        .map(line -> line.substring(0, line.indexOf(':') + 1))
        .forEach(key -> assertThat(blocks.getFirst()).contains(key));
  }

  /** The README's code blocks of one language. */
  private static List<String> fenced(String language) throws IOException {
    return Arrays.stream(Files.readString(README).split("```", -1))
        .filter(block -> block.startsWith(language + "\n"))
        .map(block -> block.substring(language.length() + 1))
        .toList();
  }
}
