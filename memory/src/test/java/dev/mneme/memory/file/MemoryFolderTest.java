package dev.mneme.memory.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryFolderTest {

  private static final int LAYERS = 2;
  private static final int BLOCK_BYTES = 44;
  private static final int VECTOR_BYTES = 12;

  @TempDir private Path temporary;

  private Path folder() {
    return temporary.resolve("memory");
  }

  private MemoryFolder create() throws IOException {
    return MemoryFolder.create(
        folder(), Manifest.empty(LAYERS, BLOCK_BYTES, VECTOR_BYTES, Map.of("model", "small")));
  }

  /** Writes blocks whose bytes follow from number, layer and salt. */
  private static void write(MemoryFolder folder, int from, int to, int salt) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      for (RecordFile file : new RecordFile[] {folder.blocks(), folder.vectors()}) {
        MemorySegment buffer = file.buffer(arena);
        for (int block = from; block < to; block++) {
          for (int layer = 0; layer < LAYERS; layer++) {
            buffer.setAtIndex(ValueLayout.JAVA_INT, 0, block + 1000 * layer + salt);
            file.write(folder.record(block, layer), buffer);
          }
        }
      }
    }
  }

  /** Checks all that is committed; gives the state. */
  private static int check(MemoryFolder folder, int salt) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      for (RecordFile file : new RecordFile[] {folder.blocks(), folder.vectors()}) {
        MemorySegment buffer = file.buffer(arena);
        for (int block = 0; block < folder.manifest().blocks(); block++) {
          for (int layer = 0; layer < LAYERS; layer++) {
            file.read(folder.record(block, layer), buffer);
            assertThat(buffer.getAtIndex(ValueLayout.JAVA_INT, 0))
                .isEqualTo(block + 1000 * layer + salt);
          }
        }
      }
    }
    return folder.readState(StateInput::readInt);
  }

  @Test
  void findsTheLastCommit() throws IOException {
    try (MemoryFolder folder = create()) {
      write(folder, 0, 3, 0);
      folder.commit(3, output -> output.writeInt(30));
      write(folder, 3, 7, 0);
      folder.commit(5, output -> output.writeInt(50));
    }
    try (MemoryFolder folder = MemoryFolder.open(folder(), Access.READ_WRITE)) {
      assertThat(folder.manifest().blocks()).isEqualTo(5);
      assertThat(folder.manifest().properties()).isEqualTo(Map.of("model", "small"));
      assertThat(check(folder, 0)).isEqualTo(50);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> folder.commit(4, output -> output.writeInt(40)))
          .withMessageContaining("4, committed 5");
    }
  }

  @Test
  void hasOneWriter() throws IOException {
    try (MemoryFolder folder = create()) {
      write(folder, 0, 1, 0);
      folder.commit(1, output -> output.writeInt(1));
      assertThatThrownBy(() -> MemoryFolder.open(folder(), Access.READ_WRITE))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("open for writing elsewhere");
      try (MemoryFolder reader = MemoryFolder.open(folder(), Access.READ_ONLY)) {
        assertThat(check(reader, 0)).isEqualTo(1);
        assertThatThrownBy(() -> reader.commit(1, output -> output.writeInt(1)))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("reading only");
      }
    }
  }

  /** A process of its own that opens a memory for writing; it ends with 7 where it is refused. */
  static final class OtherWriter {
    private OtherWriter() {}

    public static void main(String[] args) throws IOException {
      try (MemoryFolder folder = MemoryFolder.open(Path.of(args[0]), Access.READ_WRITE)) {
        System.exit(folder.manifest().blocks());
      } catch (FileSystemException e) {
        System.exit(7);
      }
    }
  }

  private int openedElsewhere() throws IOException {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    String classes = System.getProperty("java.class.path");
    return new ProcessBuilder(
            java.toString(), "-cp", classes, OtherWriter.class.getName(), folder().toString())
        .inheritIO()
        .start()
        .onExit()
        .join()
        .exitValue();
  }

  /** A lock is gone when its process closes any channel on the file. */
  @Test
  void staysLockedForOtherProcessesAfterItRefusedAnOpening() throws IOException {
    try (MemoryFolder folder = create()) {
      write(folder, 0, 3, 0);
      folder.commit(3, output -> output.writeInt(30));
      assertThatThrownBy(() -> MemoryFolder.open(folder(), Access.READ_WRITE))
          .hasMessageContaining("open for writing elsewhere");
      assertThat(openedElsewhere()).isEqualTo(7);
    }
    assertThat(openedElsewhere()).isEqualTo(3);
  }

  @Test
  void anInterruptedThreadFinishesItsCommit() throws IOException {
    try (MemoryFolder folder = create()) {
      write(folder, 0, 3, 0);
      Thread.currentThread().interrupt();
      folder.commit(2, output -> output.writeInt(20));
      assertThat(Thread.interrupted()).isTrue();
      AtomicInteger attempts = new AtomicInteger();
      folder.commit(
          3,
          output -> {
            if (attempts.getAndIncrement() == 0) {
              Thread.currentThread().interrupt();
            }
            output.writeInt(30);
          });
      assertThat(attempts).hasValue(2);
      assertThat(Thread.interrupted()).isTrue();
    }
    try (MemoryFolder folder = MemoryFolder.open(folder(), Access.READ_ONLY)) {
      assertThat(folder.manifest().blocks()).isEqualTo(3);
      assertThat(check(folder, 0)).isEqualTo(30);
    }
  }

  @Test
  void refusesFoldersOfOtherThings() throws IOException {
    assertThatThrownBy(() -> MemoryFolder.open(folder(), Access.READ_ONLY))
        .isInstanceOf(NoSuchFileException.class);
    Files.createDirectories(folder());
    Files.writeString(folder().resolve("letter.txt"), "dear");
    assertThatThrownBy(this::create)
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining("letter.txt");
  }

  @Test
  void temporaryOnesOfEndedProcessesAreDeleted() throws IOException {
    Manifest empty = Manifest.empty(LAYERS, BLOCK_BYTES, VECTOR_BYTES, Map.of());
    Path left = temporary.resolve("mneme-4194305-" + empty.id());
    MemoryFolder.create(left, empty).close();
    Path other = Files.createDirectory(temporary.resolve("mneme-notes"));
    try (MemoryFolder folder = MemoryFolder.createTemporary(temporary, empty)) {
      assertThat(left).doesNotExist();
      assertThat(other).exists();
      assertThat(folder.folder()).exists();
    }
  }

  @Test
  void temporaryOnesThatAreInUseOrHoldOtherThingsStay() throws IOException {
    Manifest empty = Manifest.empty(LAYERS, BLOCK_BYTES, VECTOR_BYTES, Map.of());
    Path used = temporary.resolve("mneme-4194305-" + empty.id());
    Path odd = temporary.resolve("mneme-4194306-" + empty.id());
    MemoryFolder.create(odd, empty).close();
    Files.writeString(odd.resolve("letter.txt"), "dear");
    try (MemoryFolder inUse = MemoryFolder.create(used, empty);
        MemoryFolder folder = MemoryFolder.createTemporary(temporary, empty)) {
      assertThat(folder.folder()).exists();
      assertThat(MemoryFolder.exists(inUse.folder())).isTrue();
      assertThat(odd.resolve("letter.txt")).exists();
    }
  }

  /** Every byte of every file in turn: an error, or nothing that matters has changed. */
  @Test
  void everyFlippedByteIsDetectedOrHarmless() throws IOException {
    try (MemoryFolder folder = create()) {
      write(folder, 0, 3, 0);
      folder.commit(2, output -> output.writeInt(123));
    }
    int detected = 0;
    int harmless = 0;
    try (Stream<Path> files = Files.list(folder())) {
      for (Path file : files.toList()) {
        byte[] whole = Files.readAllBytes(file);
        for (int at = 0; at < whole.length; at++) {
          byte[] changed = whole.clone();
          changed[at] ^= (byte) (1 << at % 8);
          Files.write(file, changed);
          if (isDetected()) {
            detected++;
          } else {
            harmless++;
          }
        }
        for (int length = 0; length < whole.length; length++) {
          Files.write(file, Arrays.copyOf(whole, length));
          isDetected();
        }
        Files.write(file, whole);
      }
    }
    assertThat(isDetected()).isFalse();
    // Harmless are the bytes of the block that was never committed.
    long uncommitted = LAYERS * (RecordFile.stride(BLOCK_BYTES) + RecordFile.stride(VECTOR_BYTES));
    assertThat(harmless).isEqualTo(Math.toIntExact(uncommitted));
    assertThat(detected).isPositive();
  }

  /** Whether opening or reading fails; where neither does, all that was committed is there. */
  private boolean isDetected() {
    try (MemoryFolder folder = MemoryFolder.open(folder(), Access.READ_ONLY)) {
      assertThat(folder.manifest().blocks()).isEqualTo(2);
      assertThat(folder.manifest().properties()).isEqualTo(Map.of("model", "small"));
      assertThat(check(folder, 0)).isEqualTo(123);
      return false;
    } catch (IOException e) {
      assertThat(e).hasMessageContaining(folder().toString());
      return true;
    }
  }

  @Test
  void readsNumbersAndMemoryOfAnySize() throws IOException {
    Random random = new Random(3);
    byte[] bytes = new byte[3_000_001];
    random.nextBytes(bytes);
    try (MemoryFolder folder = create()) {
      folder.commit(
          0,
          output -> {
            output.writeInt(-5);
            output.write(MemorySegment.ofArray(bytes));
            output.writeLong(Long.MIN_VALUE);
            output.writeText("Gedächtnis");
          });
      folder.readState(input -> {
        assertThat(input.readInt()).isEqualTo(-5);
        byte[] read = new byte[bytes.length];
        input.read(MemorySegment.ofArray(read));
        assertThat(read).isEqualTo(bytes);
        assertThat(input.readLong()).isEqualTo(Long.MIN_VALUE);
        assertThat(input.readText()).isEqualTo("Gedächtnis");
        assertThatThrownBy(input::readInt).hasMessageContaining("ends before");
        return true;
      });
    }
  }
}
