package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.mneme.memory.file.FolderLock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Appends results to a file of JSON lines, each in the file before {@link #write} returns, so that
 * a run that is cut short keeps what it has measured. Thread-safe.
 */
public final class RecallWriter implements AutoCloseable {

  private static final ObjectWriter WRITER = JsonMapper.builder().build().writer();

  private final FileChannel channel;

  private RecallWriter(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Opens {@code file} at its end, making it when there is none.
   *
   * @throws IOException when the file cannot be opened for writing, or another run writes to it
   */
  public static RecallWriter append(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (FolderLock.tryLock(channel) == null) {
        throw new FileSystemException(file.toString(), null, "another run is writing to it");
      }
      long size = channel.size();
      ByteBuffer last = ByteBuffer.allocate(1);
      channel.position(size);
      if (size > 0 && channel.read(last, size - 1) == 1 && last.get(0) != '\n') {
        // The line that a killed run left half-written must not swallow the next one.
        channel.write(ByteBuffer.wrap(new byte[] {'\n'}));
      }
      return new RecallWriter(channel);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Appends what is said once for the rows that follow. */
  public void write(RunHeader header) throws IOException {
    append(header.line());
  }

  /** Appends one result. */
  public void write(RecallRow row) throws IOException {
    append(row);
  }

  private synchronized void append(Object value) throws IOException {
    String line = WRITER.writeValueAsString(value) + "\n";
    ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
