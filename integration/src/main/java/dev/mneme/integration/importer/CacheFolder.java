package dev.mneme.integration.importer;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import dev.mneme.memory.file.FolderLock;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A folder of things that are expensive to make and either are there whole or not at all.
 *
 * <p>A thing is made under a name of its own beside its place and moved there at the end. What an
 * interrupted process left is removed when the same thing is made again. A lock file for each thing
 * keeps other processes and other threads out meanwhile. Safe for use by several threads.
 */
record CacheFolder(Path root) {

  private static final int LOCK_POLL_MILLIS = 100;

  /**
   * The cache folder of this user: {@code MNEME_CACHE}, or {@code mneme} in the system's folder for
   * caches.
   */
  static CacheFolder ofUser() {
    String own = System.getenv("MNEME_CACHE");
    if (own != null && !own.isEmpty()) {
      return new CacheFolder(Path.of(own).toAbsolutePath());
    }
    String shared = System.getenv("XDG_CACHE_HOME");
    if (shared != null && !shared.isEmpty()) {
      return new CacheFolder(Path.of(shared, "mneme").toAbsolutePath());
    }
    boolean mac = System.getProperty("os.name").startsWith("Mac");
    return new CacheFolder(
        Path.of(System.getProperty("user.home"), mac ? "Library/Caches" : ".cache", "mneme"));
  }

  /**
   * The thing at {@code place}, made first unless it is there and complete.
   *
   * @param place a path relative to the root
   * @param check tells whether what lies at {@code place} is complete
   * @param maker makes the thing
   * @return its absolute path
   */
  Path get(String place, Check check, Maker maker) throws IOException {
    Path target = root.resolve(place);
    if (isComplete(target, check)) {
      return target;
    }
    Files.createDirectories(target.getParent());
    Path locks = Files.createDirectories(root.resolve("locks"));
    Path lockFile = locks.resolve(target.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = acquire(channel)) {
      if (!isComplete(target, check)) {
        make(target, maker);
      }
    }
    return target;
  }

  /** Refuses to go on when fewer than {@code bytes} are free on the disk of this folder. */
  void requireSpace(long bytes, String purpose) throws IOException {
    long free = Files.getFileStore(root).getUsableSpace();
    if (free < bytes) {
      throw new IOException(
          "not enough space in %s for %s: %d MB needed, %d MB free"
              .formatted(root, purpose, (bytes >> 20) + 1, free >> 20));
    }
  }

  private static boolean isComplete(Path target, Check check) throws IOException {
    return Files.exists(target) && check.isComplete(target);
  }

  private static void make(Path target, Maker maker) throws IOException {
    Path scratch = target.resolveSibling(".partial-" + target.getFileName());
    delete(scratch);
    Files.createDirectory(scratch);
    try {
      Path made = maker.make(scratch);
      delete(target);
      Files.move(made, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      delete(scratch);
    }
  }

  private static void delete(Path path) throws IOException {
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      MoreFiles.deleteRecursively(path, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }

  private static FileLock acquire(FileChannel channel) throws IOException {
    try {
      while (true) {
        FileLock lock = FolderLock.tryLock(channel);
        if (lock != null) {
          return lock;
        }
        Thread.sleep(LOCK_POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while another process prepares the model");
    }
  }

  /** Tells whether something in the cache is whole and current. */
  @FunctionalInterface
  interface Check {
    boolean isComplete(Path path) throws IOException;
  }

  /** Makes something for the cache. */
  @FunctionalInterface
  interface Maker {

    /**
     * Makes it.
     *
     * @param scratch an empty folder, deleted afterwards with what is left in it
     * @return what was made: {@code scratch} itself or something in it
     */
    Path make(Path scratch) throws IOException;
  }
}
