package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.memory.file.FolderLock;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.RecordFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the codes of exact indexes are: in memory as long as there is room, beyond that in a file
 * of the working folder, which is read from its start to its end for each search. All indexes of a
 * model share it. Thread-safe.
 */
public final class CodeSpace implements AutoCloseable {

  private final long maxBytes;
  private final @Nullable Path parent;
  private @Nullable Path folder;
  private @Nullable FolderLock lock;
  private final List<Spill> spills = new ArrayList<>();
  private long resident;
  private boolean closed;

  private CodeSpace(long maxBytes, @Nullable Path parent) {
    this.maxBytes = maxBytes;
    this.parent = parent;
  }

  /** Keeps all codes in memory. */
  public static CodeSpace inMemory() {
    return new CodeSpace(Long.MAX_VALUE, null);
  }

  /**
   * Keeps at most so many bytes in memory.
   *
   * @param parent of the folder with the others, which is made when it is needed and deleted on
   *     close
   */
  public static CodeSpace bounded(long maxBytes, Path parent) {
    checkArgument(maxBytes >= 0, "maxBytes must not be negative: %s", maxBytes);
    return new CodeSpace(maxBytes, parent);
  }

  /** A file of records of one length, with those that are free again. */
  private record Spill(RecordFile file, long bytes, AtomicInteger used, Deque<Integer> free) {}

  /** Codes with several owners: an index and its forks. */
  final class Codes {

    private final byte[] kept;
    private final @Nullable Spill spill;
    private final int record;
    private final AtomicInteger owners = new AtomicInteger(1);

    /** Either the codes themselves, or none and their record. */
    private Codes(byte[] kept, @Nullable Spill spill, int record) {
      this.kept = kept;
      this.spill = spill;
      this.record = record;
    }

    /**
     * The codes.
     *
     * @param scratch gives an array of the same length, filled and returned where the codes are in
     *     the file
     */
    byte[] read(Supplier<byte[]> scratch) {
      if (spill == null) {
        return kept;
      }
      byte[] codes = scratch.get();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment buffer = spill.file.buffer(arena);
        spill.file.read(record, buffer);
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, codes, 0, codes.length);
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
      return codes;
    }

    Codes retain() {
      owners.incrementAndGet();
      return this;
    }

    void release() {
      if (owners.decrementAndGet() == 0) {
        CodeSpace.this.release(this);
      }
    }

    long bytes() {
      return kept.length;
    }
  }

  /**
   * Keeps codes.
   *
   * @param codes kept, so the caller must not change them
   */
  synchronized Codes keep(byte[] codes) {
    checkState(!closed, "the space is closed");
    if (resident + codes.length <= maxBytes) {
      resident += codes.length;
      return new Codes(codes, null, 0);
    }
    try (Arena arena = Arena.ofConfined()) {
      Spill spill = spill(codes.length);
      Integer free = spill.free.poll();
      int record = free == null ? spill.used.getAndIncrement() : free;
      MemorySegment buffer = spill.file.buffer(arena);
      MemorySegment.copy(codes, 0, buffer, ValueLayout.JAVA_BYTE, 0, codes.length);
      try {
        spill.file.write(record, buffer);
      } catch (IOException e) {
        spill.free.push(record);
        throw e;
      }
      return new Codes(new byte[0], spill, record);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to %s: %s".formatted(parent, e.getMessage()), e);
    }
  }

  private Spill spill(long bytes) throws IOException {
    for (Spill spill : spills) {
      if (spill.bytes == bytes) {
        return spill;
      }
    }
    if (folder == null) {
      checkState(parent != null, "an unbounded space never spills");
      folder = MemoryFolder.temporaryFolder(parent);
      lock = FolderLock.acquire(folder);
    }
    Path path = folder.resolve("codes-" + bytes + ".mneme");
    RecordFile file = RecordFile.create(path, "MNEMECOD", UUID.randomUUID(), bytes);
    Spill spill = new Spill(file, bytes, new AtomicInteger(), new ArrayDeque<>());
    spills.add(spill);
    return spill;
  }

  private synchronized void release(Codes codes) {
    resident -= codes.bytes();
    if (codes.spill != null) {
      codes.spill.free.push(codes.record);
    }
  }

  /** Bytes of codes in memory, of all indexes. */
  public synchronized long residentBytes() {
    return resident;
  }

  /** Deletes the files; no index may be in use. */
  @Override
  public synchronized void close() {
    closed = true;
    try {
      for (Spill spill : spills) {
        spill.file.close();
      }
      if (lock != null) {
        lock.close();
      }
      if (folder != null) {
        MemoryFolder.delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete %s: %s".formatted(folder, e.getMessage()), e);
    }
    spills.clear();
    folder = null;
  }
}
