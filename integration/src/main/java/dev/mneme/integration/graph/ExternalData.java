package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.ObjIntConsumer;

/**
 * The values of initializers, wherever they are stored.
 *
 * <p>Values in external files are mapped into memory for the time they are read, so reading one
 * table does not read the weights around it.
 */
final class ExternalData {

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path model;
  private final Path folder;
  private final SortedSet<Path> files = new TreeSet<>();

  /** Takes the ONNX file and its folder, in which the external files are. */
  ExternalData(Path model, Path folder) throws IOException {
    this.model = model;
    this.folder = folder.toRealPath();
  }

  /** Checks that the file of an external initializer is there and long enough. */
  void check(TensorProto tensor) throws IOException {
    if (tensor.getDataLocation() == DataLocation.EXTERNAL) {
      files.add(place(tensor, 0).file());
    }
  }

  /** The files of the initializers checked so far. */
  Set<Path> files() {
    return files;
  }

  /** Reads float32, float16 or bfloat16 values. */
  float[] floats(TensorProto tensor) throws IOException {
    int count = count(tensor);
    float[] values = new float[count];
    if (tensor.getFloatDataCount() > 0) {
      for (int i = 0; i < count; i++) {
        values[i] = tensor.getFloatData(i);
      }
      return values;
    }
    DataType type = DataType.forNumber(tensor.getDataType());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = bytes(tensor, type == DataType.FLOAT ? 4L : 2L, arena);
      for (int i = 0; i < count; i++) {
        values[i] =
            switch (type) {
              case FLOAT -> bytes.getAtIndex(FLOAT, i);
              case FLOAT16 -> Float.float16ToFloat(bytes.getAtIndex(SHORT, i));
              case BFLOAT16 -> Float.intBitsToFloat(bytes.getAtIndex(SHORT, i) << 16);
              default ->
                  throw new UnsupportedModelException(
                      "initializer '%s' is %s, supported are FLOAT, FLOAT16 and BFLOAT16"
                          .formatted(tensor.getName(), type));
            };
      }
    }
    return values;
  }

  /**
   * Reads the values of a small tensor of numbers.
   *
   * @return empty if its type is none that graphs compute sizes and factors with
   */
  Optional<double[]> numbers(TensorProto tensor) throws IOException {
    int count = count(tensor);
    double[] values = new double[count];
    switch (DataType.forNumber(tensor.getDataType())) {
      case FLOAT, FLOAT16, BFLOAT16 -> {
        float[] floats = floats(tensor);
        Arrays.setAll(values, i -> floats[i]);
      }
      case DOUBLE -> {
        boolean listed = tensor.getDoubleDataCount() > 0;
        read(
            tensor,
            listed,
            8,
            (bytes, i) ->
                values[i] = listed ? tensor.getDoubleData(i) : bytes.getAtIndex(DOUBLE, i));
      }
      case INT64 -> {
        boolean listed = tensor.getInt64DataCount() > 0;
        read(
            tensor,
            listed,
            8,
            (bytes, i) -> values[i] = listed ? tensor.getInt64Data(i) : bytes.getAtIndex(LONG, i));
      }
      case INT32 -> {
        boolean listed = tensor.getInt32DataCount() > 0;
        read(
            tensor,
            listed,
            4,
            (bytes, i) -> values[i] = listed ? tensor.getInt32Data(i) : bytes.getAtIndex(INT, i));
      }
      case BOOL -> {
        boolean listed = tensor.getInt32DataCount() > 0;
        read(
            tensor,
            listed,
            1,
            (bytes, i) ->
                values[i] = listed ? tensor.getInt32Data(i) : bytes.get(ValueLayout.JAVA_BYTE, i));
      }
      case null, default -> {
        return Optional.empty();
      }
    }
    return Optional.of(values);
  }

  private void read(
      TensorProto tensor, boolean listed, int bytes, ObjIntConsumer<MemorySegment> each)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = listed ? MemorySegment.NULL : bytes(tensor, bytes, arena);
      for (int i = 0; i < count(tensor); i++) {
        each.accept(all, i);
      }
    }
  }

  private int count(TensorProto tensor) throws IOException {
    long count = 1;
    for (long dim : tensor.getDimsList()) {
      count = Math.multiplyExact(count, dim);
    }
    if (count < 0 || count > Integer.MAX_VALUE) {
      throw new IOException(
          "%s: initializer '%s' has %d elements".formatted(model, tensor.getName(), count));
    }
    return (int) count;
  }

  private MemorySegment bytes(TensorProto tensor, long elementBytes, Arena arena)
      throws IOException {
    long expected = count(tensor) * elementBytes;
    MemorySegment bytes;
    if (tensor.getDataLocation() == DataLocation.EXTERNAL) {
      Place place = place(tensor, expected);
      try (FileChannel channel = FileChannel.open(place.file())) {
        bytes = channel.map(FileChannel.MapMode.READ_ONLY, place.offset(), place.length(), arena);
      }
    } else {
      bytes = MemorySegment.ofBuffer(tensor.getRawData().asReadOnlyByteBuffer());
    }
    if (bytes.byteSize() != expected) {
      throw new IOException(
          "%s: initializer '%s' of shape %s: expected %d bytes, found %d"
              .formatted(
                  model, tensor.getName(), tensor.getDimsList(), expected, bytes.byteSize()));
    }
    return bytes;
  }

  /** Where an external initializer is; {@code unsaid} is its length if it does not give one. */
  private Place place(TensorProto tensor, long unsaid) throws IOException {
    String location = "";
    long offset = 0;
    long length = unsaid;
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      switch (entry.getKey()) {
        case "location" -> location = entry.getValue();
        case "offset" -> offset = number(tensor, entry);
        case "length" -> length = number(tensor, entry);
        default -> {} // A checksum, or a note of the exporter's.
      }
    }
    Path file = folder.resolve(location).normalize();
    if (location.isEmpty() || file.equals(folder) || !file.startsWith(folder)) {
      throw new IOException(
          "%s: initializer '%s': expected external data inside the model's folder, found location '%s'"
              .formatted(model, tensor.getName(), location));
    }
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "%s: external data file '%s' is missing (initializer '%s' needs it)"
              .formatted(model, location, tensor.getName()));
    }
    if (!file.toRealPath().startsWith(folder)) {
      throw new IOException(
          "%s: external data file '%s' is a link out of the model's folder, to %s; ONNX Runtime does not follow it"
              .formatted(model, location, file.toRealPath()));
    }
    long size = Files.size(file);
    if (offset > size - length) {
      throw new IOException(
          "%s: initializer '%s': expected %d bytes at offset %d, found a file of %d bytes"
              .formatted(file, tensor.getName(), length, offset, size));
    }
    return new Place(file, offset, length);
  }

  private long number(TensorProto tensor, StringStringEntryProto entry) throws IOException {
    try {
      long value = Long.parseLong(entry.getValue());
      if (value >= 0) {
        return value;
      }
    } catch (NumberFormatException ignored) {
      // Reported below.
    }
    throw new IOException(
        "%s: initializer '%s': expected a number of bytes as %s of its external data, found '%s'"
            .formatted(model, tensor.getName(), entry.getKey(), entry.getValue()));
  }

  private record Place(Path file, long offset, long length) {}
}
