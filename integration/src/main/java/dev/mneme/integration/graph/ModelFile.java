package dev.mneme.integration.graph;

import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
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

  /** Smaller initializers stay in the graph. */
  private static final int LEAST_WEIGHT_BYTES = 4096;

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

  /**
   * Parses an ONNX file, without its weights: those that are in the file itself are turned into
   * external data at their place in it, so that they are neither held nor copied.
   */
  static ModelProto parse(Path file) throws IOException {
    ModelProto model;
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      if (size > Integer.MAX_VALUE) {
        throw new IOException(
            "%s: not an ONNX file: %d bytes, at most 2 GiB are possible".formatted(file, size));
      }
      MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, size);
      CodedInputStream input = UnsafeByteOperations.unsafeWrap(mapped).newCodedInput();
      input.enableAliasing(true);
      ModelProto parsed = ModelProto.parseFrom(input);
      input.checkLastTagWas(0);
      model = size == 0 ? parsed : withoutWeights(parsed, file, MemorySegment.ofBuffer(mapped));
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

  private static ModelProto withoutWeights(ModelProto model, Path file, MemorySegment mapped) {
    ModelProto.Builder lighter = model.toBuilder();
    GraphProto.Builder graph = lighter.getGraphBuilder();
    for (int i = 0; i < graph.getInitializerCount(); i++) {
      TensorProto tensor = graph.getInitializer(i);
      MemorySegment bytes = MemorySegment.ofBuffer(tensor.getRawData().asReadOnlyByteBuffer());
      long offset = bytes.address() - mapped.address();
      boolean inFile =
          bytes.isNative() && offset >= 0 && offset + bytes.byteSize() <= mapped.byteSize();
      if (inFile && bytes.byteSize() >= LEAST_WEIGHT_BYTES) {
        graph.setInitializer(i, external(tensor, file, offset));
      }
    }
    return lighter.build();
  }

  private static TensorProto external(TensorProto tensor, Path file, long offset) {
    Path name = requireNonNull(file.getFileName());
    return tensor.toBuilder()
        .clearRawData()
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .addExternalData(entry("location", name.toString()))
        .addExternalData(entry("offset", Long.toString(offset)))
        .addExternalData(entry("length", Integer.toString(tensor.getRawData().size())))
        .build();
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  private static boolean startsLikeOnnx(Path file) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      return stream.read() == FIRST_BYTE;
    }
  }
}
