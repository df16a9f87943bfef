package dev.mneme.memory.file;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** Reads what {@link StateOutput} wrote, in the same order. Not thread-safe. */
public final class StateInput {

  private static final int BUFFER = 1 << 20;

  private final FileChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private long left;

  /** Reads the next {@code length} bytes of a channel. */
  StateInput(FileChannel channel, long length) {
    this.channel = channel;
    left = length;
  }

  /** Reads an int32. */
  public int readInt() throws IOException {
    return fill(Integer.BYTES).getInt();
  }

  /** Reads an int64. */
  public long readLong() throws IOException {
    return fill(Long.BYTES).getLong();
  }

  /** Reads a text. */
  public String readText() throws IOException {
    byte[] bytes = new byte[Math.clamp(readInt(), 0, 1 << 16)];
    fill(bytes.length).get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Fills a segment. */
  public void read(MemorySegment segment) throws IOException {
    for (long at = 0; at < segment.byteSize(); ) {
      long count = Math.min(fill(1).remaining(), segment.byteSize() - at);
      MemorySegment.copy(MemorySegment.ofBuffer(buffer), 0, segment, at, count);
      buffer.position(buffer.position() + (int) count);
      at += count;
    }
  }

  /** Adds some bytes to a checksum; gives their number. */
  int update(CRC32C checksum) throws IOException {
    int count = fill(1).remaining();
    checksum.update(buffer);
    return count;
  }

  private ByteBuffer fill(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      buffer.compact();
      buffer.limit((int) Math.min(buffer.capacity(), buffer.position() + left));
      while (buffer.hasRemaining()) {
        int read = channel.read(buffer);
        if (read < 0) {
          break;
        }
        left -= read;
      }
      buffer.flip();
      if (buffer.remaining() < bytes) {
        throw new EOFException("the payload ends before what was expected of it");
      }
    }
    return buffer;
  }
}
