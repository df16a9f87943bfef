package dev.mneme.integration.importer;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads the head of a GGUF file front to back; every failure names the file and the offset. */
final class GgufCursor {

  private static final int MAX_ARRAY_DEPTH = 8;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String file;
  private final MemorySegment bytes;
  private long offset;

  GgufCursor(String file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  long offset() {
    return offset;
  }

  long int32(String what) throws IOException {
    return bytes.get(INT, take(4, what));
  }

  long uint32(String what) throws IOException {
    return int32(what) & 0xffff_ffffL;
  }

  /** An unsigned number that must fit a signed one: counts, sizes and offsets. */
  long size(String what) throws IOException {
    long at = offset;
    long value = bytes.get(LONG, take(8, what));
    if (value < 0) {
      throw corrupt(at, what + " below 2^63", Long.toUnsignedString(value));
    }
    return value;
  }

  /** A number of things that take at least {@code minimumBytes} each in the rest of the file. */
  long count(String what, long minimumBytes) throws IOException {
    long at = offset;
    long count = size(what);
    long most = (bytes.byteSize() - offset) / minimumBytes;
    if (count > most) {
      throw corrupt(at, what + " of at most " + most + " (what the file can hold)", count);
    }
    return count;
  }

  String string(String what) throws IOException {
    long length = count("length of " + what, 1);
    if (length > Integer.MAX_VALUE) {
      throw corrupt(offset - 8, "length of " + what + " below 2^31", length);
    }
    byte[] utf8 = new byte[(int) length];
    MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, take(length, what), utf8, 0, utf8.length);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /**
   * A metadata value with its type before it: {@link Long} for all integers (unsigned 64-bit ones
   * above 2^63 wrap), {@link Double}, {@link Boolean}, {@link String}, or a {@link List} of these.
   */
  Object value(String key) throws IOException {
    return value(key, uint32("type of " + key), 0);
  }

  private Object value(String key, long type, int depth) throws IOException {
    return switch ((int) type) {
      case 0 -> (long) (bytes.get(ValueLayout.JAVA_BYTE, take(1, key)) & 0xff);
      case 1 -> (long) bytes.get(ValueLayout.JAVA_BYTE, take(1, key));
      case 2 -> (long) (bytes.get(SHORT, take(2, key)) & 0xffff);
      case 3 -> (long) bytes.get(SHORT, take(2, key));
      case 4 -> uint32(key);
      case 5 -> int32(key);
      case 6 -> (double) Float.intBitsToFloat((int) int32(key));
      case 7 -> bool(key);
      case 8 -> string(key);
      case 9 -> array(key, depth);
      case 10, 11 -> bytes.get(LONG, take(8, key));
      case 12 -> Double.longBitsToDouble(bytes.get(LONG, take(8, key)));
      default -> throw corrupt(offset, "type of " + key + " from 0 to 12", type);
    };
  }

  private boolean bool(String key) throws IOException {
    byte value = bytes.get(ValueLayout.JAVA_BYTE, take(1, key));
    if (value != 0 && value != 1) {
      throw corrupt(offset - 1, key + " of 0 or 1", value);
    }
    return value == 1;
  }

  private List<Object> array(String key, int depth) throws IOException {
    if (depth == MAX_ARRAY_DEPTH) {
      throw corrupt(offset, key + " nested at most " + MAX_ARRAY_DEPTH + " deep", "more");
    }
    long type = uint32("element type of " + key);
    long count = count("element count of " + key, 1);
    List<Object> values = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      values.add(value(key, type, depth + 1));
    }
    return List.copyOf(values);
  }

  IOException corrupt(long at, String expected, Object found) {
    return new IOException(
        "%s: offset %d: expected %s, found %s".formatted(file, at, expected, found));
  }

  private long take(long length, String what) throws IOException {
    long remaining = bytes.byteSize() - offset;
    if (length > remaining) {
      throw corrupt(
          offset,
          length + " bytes of " + what,
          "the end of the file after " + remaining + " bytes");
    }
    long at = offset;
    offset += length;
    return at;
  }
}
