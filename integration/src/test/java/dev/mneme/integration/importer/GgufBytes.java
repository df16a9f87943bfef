package dev.mneme.integration.importer;

import com.google.common.primitives.Longs;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes small GGUF files, well-formed ones unless told otherwise. */
final class GgufBytes {

  private static final int ALIGNMENT = 32;

  private final Map<String, byte[]> metadata = new LinkedHashMap<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final List<Long> tensorOffsets = new ArrayList<>();

  int magic = 0x46554747;
  int version = 3;

  /** Metadata of the unsigned 32-bit type. */
  GgufBytes number(String key, long value) {
    return raw(key, 4, new Little().int32((int) value).bytes());
  }

  /** Metadata of the 32-bit floating-point type. */
  GgufBytes real(String key, float value) {
    return raw(key, 6, new Little().int32(Float.floatToRawIntBits(value)).bytes());
  }

  GgufBytes flag(String key, boolean value) {
    return raw(key, 7, new byte[] {(byte) (value ? 1 : 0)});
  }

  GgufBytes text(String key, String value) {
    return raw(key, 8, new Little().string(value).bytes());
  }

  GgufBytes texts(String key, List<String> values) {
    Little array = new Little().int32(8).int64(values.size());
    values.forEach(array::string);
    return raw(key, 9, array.bytes());
  }

  GgufBytes numbers(String key, List<Integer> values) {
    Little array = new Little().int32(5).int64(values.size());
    values.forEach(array::int32);
    return raw(key, 9, array.bytes());
  }

  GgufBytes reals(String key, List<Float> values) {
    Little array = new Little().int32(6).int64(values.size());
    values.forEach(value -> array.int32(Float.floatToRawIntBits(value)));
    return raw(key, 9, array.bytes());
  }

  /** Metadata of any type, valid or not. */
  GgufBytes raw(String key, int type, byte[] value) {
    metadata.put(key, new Little().string(key).int32(type).raw(value).bytes());
    return this;
  }

  GgufBytes without(String name) {
    metadata.remove(name);
    tensors.remove(name);
    return this;
  }

  /** A tensor; {@code dims} innermost first. */
  GgufBytes tensor(String name, int type, byte[] data, long... dims) {
    tensors.put(name, new Tensor(type, ByteBuffer.wrap(data), Longs.asList(dims)));
    return this;
  }

  GgufBytes floats(String name, float[] values, long... dims) {
    Little data = new Little();
    for (float value : values) {
      data.int32(Float.floatToRawIntBits(value));
    }
    return tensor(name, 0, data.bytes(), dims);
  }

  /** Where the offset of each tensor lies in the file, after {@link #build}. */
  List<Long> tensorOffsets() {
    return tensorOffsets;
  }

  byte[] build() {
    Little file =
        new Little().int32(magic).int32(version).int64(tensors.size()).int64(metadata.size());
    metadata.values().forEach(file::raw);
    long offset = 0;
    tensorOffsets.clear();
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      file.string(entry.getKey()).int32(tensor.dims().size());
      for (long dim : tensor.dims()) {
        file.int64(dim);
      }
      file.int32(tensor.type());
      tensorOffsets.add((long) file.size());
      file.int64(offset);
      offset = (offset + tensor.data().capacity() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    tensors.values().forEach(tensor -> file.align().raw(tensor.data().array()));
    return file.bytes();
  }

  private record Tensor(int type, ByteBuffer data, List<Long> dims) {}

  /** Collects little-endian values. */
  static final class Little {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Little int16(int value) {
      return raw(buffer(2).putShort((short) value).array());
    }

    Little int32(int value) {
      return raw(buffer(4).putInt(value).array());
    }

    Little int64(long value) {
      return raw(buffer(8).putLong(value).array());
    }

    Little string(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      return int64(utf8.length).raw(utf8);
    }

    Little raw(byte... bytes) {
      out.writeBytes(bytes);
      return this;
    }

    int size() {
      return out.size();
    }

    byte[] bytes() {
      return out.toByteArray();
    }

    private Little align() {
      return raw(new byte[(-out.size() & (ALIGNMENT - 1))]);
    }

    private static ByteBuffer buffer(int bytes) {
      return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }
}
