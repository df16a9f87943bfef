package dev.mneme.memory.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The first {@value #BYTES} bytes of every file of a memory, little-endian: magic (8 ASCII
 * characters), format version (int32), reserved (int32, 0), the memory's id (two int64, most
 * significant first), length of a record or of the whole payload in bytes (int64), reserved (int64,
 * 0), reserved (int32, 0), CRC32C of all before it (int32).
 *
 * @param magic what kind of file it is, 8 ASCII characters
 * @param id the memory that it belongs to
 * @param length bytes of a record, or of the payload
 */
record FileHeader(String magic, UUID id, long length) {

  static final int BYTES = 56;

  static final int VERSION = 1;

  private static final int CHECKSUM_AT = BYTES - Integer.BYTES;

  ByteBuffer encode() {
    ByteBuffer header = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    header.put(magic.getBytes(StandardCharsets.US_ASCII));
    header.putInt(VERSION).putInt(0);
    header.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    header.putLong(length).putLong(0).putInt(0);
    header.putInt(checksum(header));
    return header.flip();
  }

  /**
   * Reads and checks a header.
   *
   * @throws CorruptFileException if it is not one of this kind and version
   */
  static FileHeader read(Path file, FileChannel channel, String magic) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int read = 0;
    while (header.hasRemaining() && read >= 0) {
      read = channel.read(header, header.position());
    }
    if (header.hasRemaining()) {
      throw new CorruptFileException(file, 0, "length", BYTES + " bytes", header.position());
    }
    byte[] name = new byte[8];
    header.get(0, name);
    String found = new String(name, StandardCharsets.US_ASCII);
    if (!found.equals(magic)) {
      throw new CorruptFileException(file, 0, "magic", magic, found);
    }
    int version = header.getInt(8);
    if (version != VERSION) {
      throw new CorruptFileException(file, 8, "format version", VERSION, version);
    }
    int checksum = header.getInt(CHECKSUM_AT);
    int expected = checksum(header);
    if (checksum != expected) {
      throw new CorruptFileException(
          file,
          CHECKSUM_AT,
          "checksum of the header",
          Integer.toHexString(expected),
          Integer.toHexString(checksum));
    }
    return new FileHeader(
        magic, new UUID(header.getLong(16), header.getLong(24)), header.getLong(32));
  }

  private static int checksum(ByteBuffer header) {
    CRC32C checksum = new CRC32C();
    checksum.update(header.duplicate().clear().limit(CHECKSUM_AT));
    return (int) checksum.getValue();
  }
}
