package dev.mneme.integration.importer;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A GGUF file of version 2 or 3, mapped into memory.
 *
 * <p>Layout, little-endian: magic "GGUF", version u32, number of tensors u64, number of metadata
 * pairs u64; the pairs; for each tensor its name, number of dimensions u32, dimensions u64
 * (innermost first), type u32 and offset u64 into the data; then, from the next multiple of {@code
 * general.alignment} (32 unless given), the data. Everything is checked when the file is opened; a
 * fault is an {@link IOException} with the file, the offset, what was expected and what was found.
 *
 * @param tensors all tensors by name, in the order of the file; valid while the arena is open
 */
record GgufFile(GgufMetadata metadata, Map<String, GgufTensor> tensors) {

  private static final long MAGIC = 0x46554747L;
  private static final int MAX_DIMS = 4;

  /** Maps {@code path} for the life of {@code arena}, and checks it. */
  static GgufFile open(Path path, Arena arena) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      return parse(path.toString(), channel.map(MapMode.READ_ONLY, 0, channel.size(), arena));
    }
  }

  private static GgufFile parse(String file, MemorySegment bytes) throws IOException {
    GgufCursor cursor = new GgufCursor(file, bytes);
    long magic = cursor.uint32("the magic GGUF");
    if (magic != MAGIC) {
      throw cursor.corrupt(0, "the magic GGUF", "0x%08x: not a GGUF file".formatted(magic));
    }
    long version = cursor.uint32("the version");
    if (version != 2 && version != 3) {
      String found = Integer.reverseBytes((int) version) == 3 ? "a big-endian file" : "" + version;
      throw cursor.corrupt(4, "version 2 or 3", found);
    }
    long tensorCount = cursor.count("number of tensors", 24);
    long pairCount = cursor.count("number of metadata pairs", 13);

    Map<String, Object> pairs = new LinkedHashMap<>();
    for (long i = 0; i < pairCount; i++) {
      long at = cursor.offset();
      String key = cursor.string("metadata key " + i);
      if (pairs.put(key, cursor.value(key)) != null) {
        throw cursor.corrupt(at, "each metadata key once", key + " twice");
      }
    }
    GgufMetadata metadata = new GgufMetadata(file, pairs);
    long alignment = metadata.findInteger("general.alignment").orElse(32L);
    if (alignment < 8 || alignment > 1 << 20 || Long.bitCount(alignment) != 1) {
      throw metadata.unexpected("general.alignment", "a power of two from 8 to 2^20", alignment);
    }

    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < tensorCount; i++) {
      entries.add(readEntry(cursor, i, alignment));
    }
    long dataStart = (cursor.offset() + alignment - 1) & -alignment;
    Map<String, GgufTensor> tensors = new LinkedHashMap<>();
    for (Entry entry : entries) {
      long length = entry.bytes();
      long held = Math.max(0, bytes.byteSize() - dataStart);
      if (entry.offset() > held || length > held - entry.offset()) {
        throw cursor.corrupt(
            dataStart + entry.offset(),
            length + " bytes of tensor " + entry.name(),
            "the end of the file at " + bytes.byteSize());
      }
      MemorySegment data = bytes.asSlice(dataStart + entry.offset(), length);
      GgufTensor tensor = new GgufTensor(entry.name(), entry.type(), entry.dims(), data);
      if (tensors.put(entry.name(), tensor) != null) {
        throw cursor.corrupt(entry.at(), "each tensor once", entry.name() + " twice");
      }
    }
    return new GgufFile(metadata, tensors);
  }

  private static Entry readEntry(GgufCursor cursor, long index, long alignment) throws IOException {
    long at = cursor.offset();
    String name = cursor.string("name of tensor " + index);
    long dimCount = cursor.uint32("number of dimensions of " + name);
    if (dimCount < 1 || dimCount > MAX_DIMS) {
      throw cursor.corrupt(
          cursor.offset() - 4, "1 to " + MAX_DIMS + " dimensions of " + name, dimCount);
    }
    List<Long> dims = new ArrayList<>();
    long weights = 1;
    for (int i = 0; i < dimCount; i++) {
      long dim = cursor.size("dimension " + i + " of " + name);
      // Products stay far below 2^63, so that no later arithmetic on sizes overflows.
      if (dim < 1 || dim > Integer.MAX_VALUE || weights > Long.MAX_VALUE / 8 / dim) {
        throw cursor.corrupt(cursor.offset() - 8, "a possible dimension of " + name, dim);
      }
      weights *= dim;
      dims.add(dim);
    }
    long typeId = cursor.uint32("type of " + name);
    long typeOffset = cursor.offset() - 4;
    GgufType type =
        GgufType.of(typeId)
            .orElseThrow(() ->
                cursor.corrupt(
                    typeOffset,
                    "a supported type of tensor " + name + " (" + GgufType.names() + ")",
                    GgufType.describe(typeId)));
    if (dims.getFirst() % type.blockSize() != 0) {
      throw cursor.corrupt(
          at, "rows of " + name + " in blocks of " + type.blockSize(), dims.getFirst());
    }
    long offset = cursor.size("data offset of " + name);
    if (offset % alignment != 0) {
      throw cursor.corrupt(
          cursor.offset() - 8, "data offset of " + name + " aligned to " + alignment, offset);
    }
    return new Entry(at, name, type, List.copyOf(dims), type.bytes(weights), offset);
  }

  /** A tensor's entry in the head of the file, itself found at {@code at}. */
  private record Entry(
      long at, String name, GgufType type, List<Long> dims, long bytes, long offset) {}
}
