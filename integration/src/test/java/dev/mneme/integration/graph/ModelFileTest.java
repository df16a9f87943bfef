package dev.mneme.integration.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which file of a folder is read, and what is said of files that are not whole. */
class ModelFileTest {

  private static final TinyModel EXTERNAL = TinyModel.PLAIN.withShape(false, false, true);

  @TempDir private Path folder;

  @Test
  void theOnlyFileIsFound() throws IOException {
    Path file = Files.move(TinyModel.PLAIN.write(folder, 1), folder.resolve("other.onnx"));
    assertThat(ModelGraph.read(folder).onnxFile()).isEqualTo(file);
    assertThat(ModelGraph.read(file).folder()).isEqualTo(folder);
  }

  @Test
  void theUsualNameIsPreferredAndTheConfiguredOneBeforeIt() throws IOException {
    Path usual = TinyModel.PLAIN.write(folder, 1);
    Path other = Files.copy(usual, folder.resolve("decoder.onnx"));
    assertThat(ModelGraph.read(folder).onnxFile()).isEqualTo(usual);
    configure("{\"model\": {\"decoder\": {\"filename\": \"decoder.onnx\"}}}");
    assertThat(ModelGraph.read(folder).onnxFile()).isEqualTo(other);
  }

  @Test
  void severalFilesAreNamed() throws IOException {
    Path file = Files.move(TinyModel.PLAIN.write(folder, 1), folder.resolve("a.onnx"));
    Files.copy(file, folder.resolve("b.onnx"));
    assertRefused("several .onnx files", "a.onnx, b.onnx");
  }

  @Test
  void emptyFolder() {
    assertRefused(folder.toString(), "no .onnx file");
  }

  @Test
  void missingPath() {
    assertThatThrownBy(() -> ModelGraph.read(folder.resolve("none")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"model\": {\"decoder\": {\"filename\": \"gone.onnx\"}}} | names gone.onnx",
        "{\"model\": {}} | model.decoder.filename is missing",
        "{\"model\": | not JSON"
      })
  void badConfiguration(String configuration, String expected) throws IOException {
    TinyModel.PLAIN.write(folder, 1);
    configure(configuration);
    assertRefused("genai_config.json", expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"hello", "<html><body>not found</body></html>", "", "\0\0\0\0"})
  void notAnOnnxFile(String content) throws IOException {
    Files.writeString(folder.resolve("model.onnx"), content);
    assertRefused("model.onnx", "not an ONNX file");
  }

  @Test
  void truncatedAtAnyByte() throws IOException {
    Path file = TinyModel.PLAIN.withKvHeads(1).write(folder, 1);
    byte[] whole = Files.readAllBytes(file);
    for (int length = 1; length < whole.length; length += length < 64 ? 1 : 1009) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> ModelGraph.read(folder))
          .as("cut at byte %d of %d", length, whole.length)
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith(file.toString());
    }
    assertRefused("truncated or damaged", "found %d bytes".formatted(Files.size(file)));
  }

  @Test
  void missingExternalData() throws IOException {
    EXTERNAL.write(folder, 1);
    Files.delete(folder.resolve(TinyModel.DATA));
    assertRefused("model.onnx", "'weights.bin' is missing", "needs it");
  }

  @Test
  void shortExternalData() throws IOException {
    EXTERNAL.write(folder, 1);
    Path data = folder.resolve(TinyModel.DATA);
    long size = Files.size(data);
    try (FileChannel channel = FileChannel.open(data, StandardOpenOption.WRITE)) {
      channel.truncate(size - 1);
    }
    assertRefused(data.toString(), "expected", "found a file of %d bytes".formatted(size - 1));
  }

  @ParameterizedTest
  @CsvSource({
    "location, ../weights.bin, inside the model's folder",
    "location, /etc/hostname, inside the model's folder",
    "location, '', inside the model's folder",
    "offset, -4, found '-4'",
    "length, many, found 'many'",
    "length, 9223372036854775807, found a file of",
    "length, 8, 'expected 4096 bytes, found 8'"
  })
  void wrongPlaceOfExternalData(String key, String value, String expected) throws IOException {
    Path file = EXTERNAL.write(folder, 1);
    ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(file)).toBuilder();
    model.getGraphBuilder().getInitializerBuilderList().stream()
        .filter(initializer -> initializer.getName().equals("cos_cache"))
        .flatMap(initializer -> initializer.getExternalDataBuilderList().stream())
        .filter(entry -> entry.getKey().equals(key))
        .forEach(entry -> entry.setValue(value));
    Files.write(file, model.build().toByteArray());
    assertRefused("'cos_cache'", expected);
  }

  @Test
  void lengthOfExternalDataMayBeLeftOut() throws IOException {
    Path file = EXTERNAL.write(folder, 1);
    List<AttentionLayer> layers = ModelGraph.read(folder).layers();
    ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(file)).toBuilder();
    model.getGraphBuilder().getInitializerBuilderList().stream()
        .filter(initializer -> initializer.getExternalDataCount() > 0)
        .forEach(initializer -> initializer.removeExternalData(2));
    Files.write(file, model.build().toByteArray());
    assertThat(ModelGraph.read(folder).layers()).isEqualTo(layers);
  }

  @Test
  void externalDataBehindALinkOutOfTheFolder() throws IOException {
    EXTERNAL.write(folder, 1);
    Path data = folder.resolve(TinyModel.DATA);
    Path inner = Files.createDirectory(folder.resolve("inner"));
    Files.move(folder.resolve("model.onnx"), inner.resolve("model.onnx"));
    Files.createSymbolicLink(inner.resolve(TinyModel.DATA), data);
    assertThatThrownBy(() -> ModelGraph.read(inner))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("weights.bin", "link out of the model's folder");
  }

  private void configure(String json) throws IOException {
    Files.writeString(folder.resolve("genai_config.json"), json);
  }

  private void assertRefused(String... expected) {
    assertThatThrownBy(() -> ModelGraph.read(folder))
        .isInstanceOf(IOException.class)
        .message()
        .contains(expected)
        .hasLineCount(1);
  }
}
