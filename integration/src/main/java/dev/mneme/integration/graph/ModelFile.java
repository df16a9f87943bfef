package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds and parses the ONNX file of a model. */
final class ModelFile {

  private static final String CONFIGURATION = "genai_config.json";
  private static final String USUAL_NAME = "model.onnx";

  /** An ONNX file starts with the field {@code ir_version}: number 1, of type varint. */
  private static final int FIRST_BYTE = 0x08;

  private ModelFile() {}

  /**
   * Returns the ONNX file meant by a path.
   *
   * @param path the file itself, or a folder: then the decoder that its {@code genai_config.json}
   *     names, else {@code model.onnx}, else the only ONNX file in it
   */
  static Path locate(Path path) throws IOException {
    if (Files.notExists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    if (!Files.isDirectory(path)) {
      return path;
    }
    Path configuration = path.resolve(CONFIGURATION);
    if (Files.exists(configuration)) {
      return configured(path, configuration);
    }
    Path usual = path.resolve(USUAL_NAME);
    if (Files.exists(usual)) {
      return usual;
    }
    try (Stream<Path> children = Files.list(path)) {
      List<Path> models =
          children.filter(child -> child.toString().endsWith(".onnx")).sorted().toList();
      if (models.isEmpty()) {
        throw new IOException(path + ": no .onnx file in this folder");
      }
      if (models.size() > 1) {
        throw new IOException(
            models.stream()
                .map(model -> model.getFileName().toString())
                .collect(
                    Collectors.joining(", ", path + ": several .onnx files, name one of: ", "")));
      }
      return models.getFirst();
    }
  }

  private static Path configured(Path folder, Path configuration) throws IOException {
    String name;
    try {
      name =
          new ObjectMapper()
              .readTree(Files.readAllBytes(configuration))
              .at("/model/decoder/filename")
              .asText();
    } catch (JsonProcessingException e) {
      throw new IOException(configuration + ": not JSON: " + e.getOriginalMessage(), e);
    }
    if (name.isEmpty()) {
      throw new IOException(configuration + ": model.decoder.filename is missing");
    }
    Path file = folder.resolve(name);
    if (Files.notExists(file)) {
      throw new IOException(configuration + ": names " + name + ", which is not in the folder");
    }
    return file;
  }

  /** Parses an ONNX file, without its external data. */
  static ModelProto parse(Path file) throws IOException {
    ModelProto model;
    try (InputStream stream = Files.newInputStream(file)) {
      model = ModelProto.parseFrom(stream);
    } catch (InvalidProtocolBufferException e) {
      if (startsLikeOnnx(file)) {
        throw new IOException(
            "%s: truncated or damaged: expected a whole ONNX model, found %d bytes (%s)"
                .formatted(file, Files.size(file), e.getMessage()),
            e);
      }
      throw new IOException(file + ": not an ONNX file (" + e.getMessage() + ")", e);
    }
    if (!model.hasGraph()) {
      throw new IOException(file + ": not an ONNX file: expected a model's graph, found none");
    }
    if (model.getOpsetImportCount() == 0) {
      throw new IOException(
          file + ": truncated or damaged: expected operator set versions, found none");
    }
    return model;
  }

  private static boolean startsLikeOnnx(Path file) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      return stream.read() == FIRST_BYTE;
    }
  }
}
