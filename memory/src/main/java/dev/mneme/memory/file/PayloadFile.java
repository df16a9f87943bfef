package dev.mneme.memory.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * A file written as a whole and read as a whole: a {@link FileHeader}, the payload, and its CRC32C
 * (int32), which is checked before any of the payload is read.
 */
final class PayloadFile {

  /** Writes a payload. */
  @FunctionalInterface
  interface Writer {
    void write(StateOutput output) throws IOException;
  }

  /** Reads a payload. */
  @FunctionalInterface
  interface Reader<T> {
    T read(FileHeader header, StateInput input) throws IOException;
  }

  private PayloadFile() {}

  /** Writes a file, which is on the disk when this returns. */
  static void write(Path path, String magic, UUID id, Writer writer) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      channel.position(FileHeader.BYTES);
      StateOutput output = new StateOutput(channel);
      writer.write(output);
      ByteBuffer header = new FileHeader(magic, id, output.finish()).encode();
      while (header.hasRemaining()) {
        channel.write(header, header.position());
      }
      channel.force(true);
    }
  }

  /**
   * Reads a file.
   *
   * @throws CorruptFileException if it is not what was written
   */
  static <T> T read(Path path, String magic, Reader<T> reader) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      FileHeader header = FileHeader.read(path, channel, magic);
      long expected = FileHeader.BYTES + header.length() + Integer.BYTES;
      if (header.length() < 0 || channel.size() != expected) {
        throw new CorruptFileException(path, 0, "length", expected + " bytes", channel.size());
      }
      channel.position(FileHeader.BYTES);
      int checksum = checksum(new StateInput(channel, header.length()), header.length());
      int found = new StateInput(channel, Integer.BYTES).readInt();
      if (found != checksum) {
        throw new CorruptFileException(
            path,
            expected - Integer.BYTES,
            "checksum of the payload",
            Integer.toHexString(checksum),
            Integer.toHexString(found));
      }
      channel.position(FileHeader.BYTES);
      return reader.read(header, new StateInput(channel, header.length()));
    }
  }

  private static int checksum(StateInput input, long length) throws IOException {
    CRC32C checksum = new CRC32C();
    for (long left = length; left > 0; ) {
      left -= input.update(checksum);
    }
    return (int) checksum.getValue();
  }
}
