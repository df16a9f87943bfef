package dev.mneme.integration.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResidentMemoryTest {

  private static final long MIB = 1 << 20;

  @TempDir private Path folder;

  @Test
  void readsTheKernelsFigures() throws IOException {
    Files.writeString(
        folder.resolve("status"), "Name:\tjava\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n");
    ResidentMemory memory = new ResidentMemory(folder);
    assertThat(memory.source()).isEqualTo(ResidentMemory.Source.KERNEL);
    assertThat(memory.current()).isEqualTo(100 * MIB);
    assertThat(memory.peak()).isEqualTo(200 * MIB);
  }

  @Test
  void resetsThePeakWhenPermitted() throws IOException {
    Files.writeString(folder.resolve("status"), "VmHWM: 1 kB\n");
    ResidentMemory memory = new ResidentMemory(folder);
    assertThat(memory.resetPeak()).isTrue();
    assertThat(folder.resolve("clear_refs")).hasContent("5");
    Files.delete(folder.resolve("clear_refs"));
    Files.createDirectory(folder.resolve("clear_refs"));
    assertThat(memory.resetPeak()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(memory::current)
        .withMessage("%s must have a line VmRSS", folder.resolve("status"));
  }

  @Test
  void asksTheJvmWhereThereIsNoKernelFigure() {
    ResidentMemory memory = new ResidentMemory(folder);
    assertThat(memory.source()).isEqualTo(ResidentMemory.Source.JVM);
    assertThat(memory.current()).isGreaterThan(MIB);
    assertThat(memory.peak()).isGreaterThan(MIB);
    assertThat(memory.resetPeak()).isTrue();
  }

  @Test
  void seesWhatThisProcessHoldsOutsideTheHeap() {
    ResidentMemory memory = ResidentMemory.ofThisProcess();
    long size = 64 * MIB;
    long before = memory.current();
    try (Arena arena = Arena.ofConfined()) {
      arena.allocate(size).fill((byte) 1);
      if (memory.source() == ResidentMemory.Source.KERNEL) {
        // Half: what else the process frees meanwhile must not matter.
        assertThat(memory.current() - before).isGreaterThan(size / 2);
      }
      assertThat(memory.peak()).isGreaterThanOrEqualTo(size / 2);
    }
  }
}
