package dev.mneme.memory.file;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * Records of one length, each with a checksum over its number and its bytes. A record is found by
 * its number alone, so there is no table to keep or to load.
 *
 * <p>Layout: a {@link FileHeader}, then records of {@code recordBytes} bytes rounded up to a
 * multiple of 8, each followed by a zero (int32) and the CRC32C (int32) of its number (int64,
 * big-endian) and of all its bytes before.
 *
 * <p>Records are written and read by position and never mapped: pages of a mapping would count as
 * resident memory, a full disk would be a fault instead of an error, and so would a file that was
 * truncated meanwhile. An interrupted thread finishes its read or write and stays interrupted.
 * Thread-safe, as long as no record is read while it is written.
 */
public final class RecordFile implements Closeable {

  private static final int TRAILER = 8;

  private final Path path;
  private final Set<? extends OpenOption> options;
  private final long stride;
  private FileChannel channel;
  private boolean closed;

  private RecordFile(
      Path path, Set<? extends OpenOption> options, FileChannel channel, long recordBytes) {
    this.path = path;
    this.options = options;
    this.channel = channel;
    stride = stride(recordBytes);
  }

  /** Bytes that a record takes in the file, and that its buffer must have. */
  public static long stride(long recordBytes) {
    return Math.ceilDiv(recordBytes, TRAILER) * TRAILER + TRAILER;
  }

  /**
   * Makes an empty file.
   *
   * @param path absent
   * @param magic 8 ASCII characters that say what the records are
   * @param id of the memory that it belongs to
   */
  public static RecordFile create(Path path, String magic, UUID id, long recordBytes)
      throws IOException {
    checkArgument(recordBytes > 0, "recordBytes must be positive: %s", recordBytes);
    Set<StandardOpenOption> options = Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    FileChannel channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
    RecordFile file = new RecordFile(path, options, channel, recordBytes);
    try {
      file.transfer(new FileHeader(magic, id, recordBytes).encode(), 0, true);
      return file;
    } catch (IOException e) {
      file.close();
      Files.deleteIfExists(path);
      throw e;
    }
  }

  /**
   * Opens a file.
   *
   * @param records that were committed, which the file must be long enough for
   * @throws CorruptFileException if it belongs to another memory, or is too short
   */
  static RecordFile open(
      Path path, String magic, UUID id, long recordBytes, long records, boolean readOnly)
      throws IOException {
    Set<StandardOpenOption> options =
        readOnly
            ? Set.of(StandardOpenOption.READ)
            : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    FileChannel channel = FileChannel.open(path, options);
    RecordFile file = new RecordFile(path, options, channel, recordBytes);
    try {
      FileHeader header = FileHeader.read(path, channel, magic);
      if (!header.id().equals(id)) {
        throw new CorruptFileException(path, 16, "id of the memory", id, header.id());
      }
      if (header.length() != recordBytes) {
        throw new CorruptFileException(path, 32, "record length", recordBytes, header.length());
      }
      long least = file.offset(records);
      if (channel.size() < least) {
        throw new CorruptFileException(
            path, channel.size(), "length", "at least " + least + " bytes", channel.size());
      }
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Bytes of a record's buffer: the record, padding, a zero and the checksum. */
  public long stride() {
    return stride;
  }

  /**
   * A new buffer for one record.
   *
   * @return {@link #stride()} bytes; the record comes first
   */
  public MemorySegment buffer(Arena arena) {
    return arena.allocate(stride, Long.BYTES);
  }

  private long offset(long record) {
    return FileHeader.BYTES + record * stride;
  }

  /**
   * Writes a record over whatever was there.
   *
   * @param buffer {@link #stride()} bytes, whose end receives the checksum
   */
  public void write(long record, MemorySegment buffer) throws IOException {
    checkBuffer(buffer);
    ByteBuffer bytes = buffer.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt((int) (stride - TRAILER), 0);
    bytes.putInt((int) (stride - Integer.BYTES), checksum(record, bytes));
    transfer(bytes, offset(record), true);
  }

  /**
   * Reads a record.
   *
   * @param buffer receives {@link #stride()} bytes; the record comes first
   * @throws CorruptFileException if it is not what was written
   */
  public void read(long record, MemorySegment buffer) throws IOException {
    checkBuffer(buffer);
    ByteBuffer bytes = buffer.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    long at = offset(record);
    transfer(bytes, at, false);
    if (bytes.hasRemaining()) {
      throw new CorruptFileException(
          path, at, "length of record " + record, stride, bytes.position());
    }
    int found = bytes.getInt((int) (stride - Integer.BYTES));
    int expected = checksum(record, bytes);
    if (found != expected) {
      throw new CorruptFileException(
          path,
          at + stride - Integer.BYTES,
          "checksum of record " + record,
          Integer.toHexString(expected),
          Integer.toHexString(found));
    }
  }

  private int checksum(long record, ByteBuffer bytes) {
    CRC32C checksum = new CRC32C();
    checksum.update(ByteBuffer.allocate(Long.BYTES).putLong(0, record));
    checksum.update(bytes.slice(0, (int) (stride - Integer.BYTES)));
    return (int) checksum.getValue();
  }

  private void checkBuffer(MemorySegment buffer) {
    checkArgument(
        buffer.byteSize() == stride,
        "a record's buffer must have %s bytes: %s",
        stride,
        buffer.byteSize());
  }

  /** Until the buffer is at its end, or the file. */
  private void transfer(ByteBuffer bytes, long at, boolean write) throws IOException {
    Uninterrupted.run(() -> {
      FileChannel open = channel();
      int more = 0;
      while (more >= 0 && bytes.hasRemaining()) {
        long place = at + bytes.position();
        more = write ? open.write(bytes, place) : open.read(bytes, place);
      }
    });
  }

  /** The channel, opened again where an interrupt closed it. */
  private synchronized FileChannel channel() throws IOException {
    checkState(!closed, "%s is closed", path);
    if (!channel.isOpen()) {
      channel = FileChannel.open(path, options);
    }
    return channel;
  }

  /** Waits until everything written is on the disk. */
  public void force() throws IOException {
    Uninterrupted.run(() -> channel().force(false));
  }

  /** Closes the file; closing twice is harmless. */
  @Override
  public synchronized void close() throws IOException {
    closed = true;
    channel.close();
  }
}
