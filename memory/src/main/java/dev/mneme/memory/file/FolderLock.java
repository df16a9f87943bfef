package dev.mneme.memory.file;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Says that a folder is in use for writing, to this process and to others: a lock on the file
 * {@code lock} in it.
 *
 * <p>On Linux such a lock is gone as soon as its process closes any other channel on the file, so a
 * folder that this process holds is refused before the file is opened.
 */
public final class FolderLock implements Closeable {

  /** Name of the file. */
  static final String FILE = "lock";

  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path folder;
  private final FileChannel channel;

  private FolderLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /**
   * Locks a folder.
   *
   * @param folder that exists
   * @throws FileSystemException if it is locked, by this process or another one
   */
  public static FolderLock acquire(Path folder) throws IOException {
    FolderLock lock = tryAcquire(folder);
    if (lock == null) {
      throw new FileSystemException(
          folder.toString(),
          null,
          "the memory is open for writing elsewhere; it can be opened for reading only");
    }
    return lock;
  }

  /** Locks a folder, or gives null where it is locked. */
  static @Nullable FolderLock tryAcquire(Path folder) throws IOException {
    Path real = folder.toRealPath();
    if (!HELD.add(real)) {
      return null;
    }
    FileChannel channel = null;
    boolean locked = false;
    try {
      channel =
          FileChannel.open(real.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      locked = tryLock(channel) != null;
      return locked ? new FolderLock(real, channel) : null;
    } finally {
      if (!locked) {
        if (channel != null) {
          channel.close();
        }
        HELD.remove(real);
      }
    }
  }

  /** Locks a file, or gives null where it is locked, by this process or another one. */
  public static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /** Unlocks the folder; closing twice is harmless. */
  @Override
  public void close() throws IOException {
    if (channel.isOpen()) {
      channel.close();
      HELD.remove(folder);
    }
  }
}
