package dev.mneme.memory.file;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** Writes numbers and memory to a payload, little-endian, without padding. Not thread-safe. */
public final class StateOutput {

  private static final int BUFFER = 1 << 20;

  private final FileChannel channel;
  private final CRC32C checksum = new CRC32C();
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
  private long length;

  StateOutput(FileChannel channel) {
    this.channel = channel;
  }

  /** Writes an int32. */
  public void writeInt(int value) throws IOException {
    room(Integer.BYTES).putInt(value);
  }

  /** Writes an int64. */
  public void writeLong(long value) throws IOException {
    room(Long.BYTES).putLong(value);
  }

  /** Writes the length in bytes (int32) and the UTF-8 bytes of a text of at most 64 KiB. */
  public void writeText(String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    checkArgument(bytes.length <= 1 << 16, "a text must have at most 64 KiB: %s", bytes.length);
    writeInt(bytes.length);
    room(bytes.length).put(bytes);
  }

  /** Writes the bytes of a segment as they are. */
  public void write(MemorySegment segment) throws IOException {
    for (long at = 0; at < segment.byteSize(); ) {
      long count = Math.min(room(1).remaining(), segment.byteSize() - at);
      MemorySegment.copy(segment, at, MemorySegment.ofBuffer(buffer), 0, count);
      buffer.position(buffer.position() + (int) count);
      at += count;
    }
  }

  private ByteBuffer room(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
    return buffer;
  }

  private void flush() throws IOException {
    length += buffer.position();
    checksum.update(buffer.duplicate().flip());
    drain();
  }

  private void drain() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  /** Ends the payload with its checksum; gives its length. */
  long finish() throws IOException {
    flush();
    buffer.putInt((int) checksum.getValue());
    drain();
    return length;
  }
}
