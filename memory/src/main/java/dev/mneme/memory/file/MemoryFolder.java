package dev.mneme.memory.file;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import com.google.common.io.Closer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder of one session's memory: the blocks and representatives of all layers, the state that
 * goes with them, and a manifest that says what of it is committed.
 *
 * <p>Block {@code b} of layer {@code l} is record {@code b * layers + l}. Records behind the
 * committed ones are ignored when the folder is opened. A commit forces the records to the disk,
 * writes a new state file and then replaces the manifest atomically, so a kill at any moment leaves
 * the commit before or the new one. Not thread-safe, apart from reading and writing records.
 */
public final class MemoryFolder implements AutoCloseable {

  /** What a folder is opened for. */
  public enum Access {
    /** Reading and committing; one process at a time. */
    READ_WRITE,
    /** Reading what is committed now, also while another process writes. */
    READ_ONLY
  }

  private static final String MANIFEST = "manifest.mneme";
  private static final String BLOCKS = "blocks.mneme";
  private static final String VECTORS = "vectors.mneme";
  private static final Pattern TEMPORARY = Pattern.compile("mneme-(\\d+)-[0-9a-f-]{36}");
  private static final String STATE_MAGIC = "MNEMESTA";

  private final Path folder;
  private final Access access;
  private final @Nullable FolderLock lock;
  private Manifest manifest;
  private @Nullable RecordFile blocks;
  private @Nullable RecordFile vectors;

  private MemoryFolder(Path folder, Access access, @Nullable FolderLock lock, Manifest manifest) {
    this.folder = folder;
    this.access = access;
    this.lock = lock;
    this.manifest = manifest;
  }

  /** Whether a folder holds a memory. */
  public static boolean exists(Path folder) {
    return Files.exists(folder.resolve(MANIFEST));
  }

  /**
   * Makes an empty memory.
   *
   * @param folder absent, empty, or what an interrupted attempt left
   * @throws IOException if the folder holds anything else, or cannot be written
   */
  public static MemoryFolder create(Path folder, Manifest empty) throws IOException {
    checkByteOrder();
    Files.createDirectories(folder);
    List<String> own = List.of(FolderLock.FILE, BLOCKS, VECTORS, MANIFEST + ".new");
    try (Stream<Path> files = Files.list(folder)) {
      Path other =
          files.filter(file -> !own.contains(file.getFileName().toString())).findAny().orElse(null);
      if (other != null) {
        throw new FileSystemException(
            folder.toString(),
            null,
            (exists(folder) ? "it already holds a memory" : "it is not empty: " + other));
      }
    }
    MemoryFolder created =
        new MemoryFolder(folder, Access.READ_WRITE, FolderLock.acquire(folder), empty);
    try {
      Files.deleteIfExists(folder.resolve(BLOCKS));
      Files.deleteIfExists(folder.resolve(VECTORS));
      created.blocks =
          RecordFile.create(folder.resolve(BLOCKS), "MNEMEBLK", empty.id(), empty.blockBytes());
      created.vectors =
          RecordFile.create(folder.resolve(VECTORS), "MNEMEVEC", empty.id(), empty.vectorBytes());
      created.replace(empty);
      return created;
    } catch (IOException e) {
      created.closeAfter(e);
      throw e;
    }
  }

  /**
   * Opens a memory as of its last commit.
   *
   * @throws NoSuchFileException if there is none in the folder
   * @throws FileSystemException if another process, or this one, has it open for writing
   * @throws CorruptFileException if a file is not what was written
   */
  public static MemoryFolder open(Path folder, Access access) throws IOException {
    checkByteOrder();
    if (!exists(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "there is no memory in it");
    }
    boolean readOnly = access == Access.READ_ONLY;
    FolderLock lock = readOnly ? null : FolderLock.acquire(folder);
    MemoryFolder opened = null;
    try {
      Manifest manifest = Manifest.read(folder.resolve(MANIFEST));
      opened = new MemoryFolder(folder, access, lock, manifest);
      opened.blocks = opened.openRecords(BLOCKS, "MNEMEBLK", manifest.blockBytes(), readOnly);
      opened.vectors = opened.openRecords(VECTORS, "MNEMEVEC", manifest.vectorBytes(), readOnly);
      return opened;
    } catch (IOException | RuntimeException e) {
      if (opened != null) {
        opened.closeAfter(e);
      } else if (lock != null) {
        lock.close();
      }
      throw e;
    }
  }

  private RecordFile openRecords(String name, String magic, long bytes, boolean readOnly)
      throws IOException {
    return RecordFile.open(
        folder.resolve(name), magic, manifest.id(), bytes, manifest.records(), readOnly);
  }

  private static void checkByteOrder() {
    checkState(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "memory files need a little-endian machine: %s",
        ByteOrder.nativeOrder());
  }

  /** Where it is. */
  public Path folder() {
    return folder;
  }

  /** What it was opened for. */
  public Access access() {
    return access;
  }

  /** What is committed. */
  public Manifest manifest() {
    return manifest;
  }

  /** Encoded blocks of all layers, closed with this folder. */
  public RecordFile blocks() {
    return open(blocks);
  }

  /** Representatives of all layers, closed with this folder. */
  public RecordFile vectors() {
    return open(vectors);
  }

  private static RecordFile open(@Nullable RecordFile file) {
    if (file == null) {
      throw new IllegalStateException("the memory's folder is closed");
    }
    return file;
  }

  /** The record of a block of a layer. */
  public long record(int block, int layer) {
    return (long) block * manifest.layers() + layer;
  }

  /**
   * Commits what was written. An interrupted thread finishes its commit and stays interrupted.
   *
   * @param blocks of every layer; not fewer than are committed
   * @param state writes what goes with them; asked again where an interrupt closed its file
   * @throws IOException if the disk is full or fails; what was committed before stays
   */
  public void commit(int blocks, StateWriter state) throws IOException {
    checkArgument(
        blocks >= manifest.blocks(),
        "committed blocks stay: %s, committed %s",
        blocks,
        manifest.blocks());
    checkState(access == Access.READ_WRITE, "the memory was opened for reading only: %s", folder);
    blocks().force();
    vectors().force();
    Uninterrupted.run(() -> commitState(blocks, state));
  }

  private void commitState(int blocks, StateWriter state) throws IOException {
    int before = manifest.state();
    int number = before + 1;
    try {
      PayloadFile.write(stateFile(number), STATE_MAGIC, manifest.id(), state::write);
      replace(manifest.with(blocks, number));
    } catch (IOException e) {
      if (manifest.state() == before) {
        Files.deleteIfExists(stateFile(number)); // gives room back to a disk that is full
      }
      throw e;
    }
    // The one before stays for readers that have just read the manifest before.
    Files.deleteIfExists(stateFile(before - 1));
  }

  private void replace(Manifest next) throws IOException {
    Path scratch = folder.resolve(MANIFEST + ".new");
    next.write(scratch);
    Files.move(
        scratch,
        folder.resolve(MANIFEST),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel names = FileChannel.open(folder)) {
      names.force(true);
    } catch (IOException e) {
      // Some systems cannot force a folder; the move itself was atomic.
    }
    manifest = next;
  }

  /** Writes a state. */
  @FunctionalInterface
  public interface StateWriter {
    /** Writes it. */
    void write(StateOutput output) throws IOException;
  }

  /** Reads a state. */
  @FunctionalInterface
  public interface StateReader<T> {
    /** Reads it. */
    T read(StateInput input) throws IOException;
  }

  /**
   * Reads the committed state.
   *
   * @throws CorruptFileException if it is not what was written
   */
  public <T> T readState(StateReader<T> reader) throws IOException {
    Path file = stateFile(manifest.state());
    return PayloadFile.read(
        file,
        STATE_MAGIC,
        (header, input) -> {
          if (!header.id().equals(manifest.id())) {
            throw new CorruptFileException(
                file, 16, "id of the memory", manifest.id(), header.id());
          }
          return reader.read(input);
        });
  }

  private Path stateFile(int number) {
    return folder.resolve("state-" + number + ".mneme");
  }

  private void closeAfter(Exception failure) {
    try {
      close();
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
  }

  /**
   * Makes an empty memory in a {@linkplain #temporaryFolder temporary folder}.
   *
   * @param parent made if absent
   */
  public static MemoryFolder createTemporary(Path parent, Manifest empty) throws IOException {
    return create(temporaryFolder(parent), empty);
  }

  /**
   * Makes a folder with a name of its own, to be {@linkplain FolderLock locked} while it is in use
   * and {@linkplain #delete deleted} by this process, and deletes those that processes left there
   * that have ended.
   *
   * @param parent made if absent
   */
  public static Path temporaryFolder(Path parent) throws IOException {
    Files.createDirectories(parent);
    try (Stream<Path> folders = Files.list(parent)) {
      for (Path folder : folders.toList()) {
        Matcher name = TEMPORARY.matcher(folder.getFileName().toString());
        if (name.matches() && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
          deleteUnused(folder);
        }
      }
    }
    String name = "mneme-%d-%s".formatted(ProcessHandle.current().pid(), UUID.randomUUID());
    return Files.createDirectory(parent.resolve(name));
  }

  /**
   * Deletes a temporary folder unless it is locked: of a process that is not known here, as in
   * another container.
   */
  private static void deleteUnused(Path folder) {
    try (FolderLock lock = FolderLock.tryAcquire(folder)) {
      if (lock != null) {
        delete(folder);
      }
    } catch (IOException e) {
      // Another user's, or another thread was faster; it is in nobody's way.
    }
  }

  /** Deletes a memory that is closed, and its folder unless there is anything else in it. */
  public static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.equals(FolderLock.FILE)
            || name.endsWith(".mneme")
            || name.equals(MANIFEST + ".new")) {
          Files.delete(file);
        }
      }
    }
    try {
      Files.delete(folder);
    } catch (DirectoryNotEmptyException e) {
      // What is left is not ours.
    }
  }

  /** Closes the files without committing; closing twice is harmless. */
  @Override
  public void close() throws IOException {
    Closer closer = Closer.create();
    for (Closeable file : Arrays.asList(lock, vectors, blocks)) {
      if (file != null) {
        closer.register(file);
      }
    }
    vectors = null;
    blocks = null;
    closer.close();
  }
}
