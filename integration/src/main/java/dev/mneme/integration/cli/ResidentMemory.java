package dev.mneme.integration.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Memory of this process, in bytes.
 *
 * <p>On Linux it is what the kernel counts as resident, the weights and blocks outside the heap
 * included. Elsewhere there is no such figure without native code; what is given instead, {@link
 * Source#JVM}, leaves out what native libraries such as ONNX Runtime allocate. Thread-safe.
 */
public final class ResidentMemory {

  /** What the figures count. */
  public enum Source {
    /** Resident set of the process, by the Linux kernel. */
    KERNEL,
    /**
     * Heap, other memory pools and direct buffers of the JVM; not the memory of native libraries.
     */
    JVM
  }

  private static final long KIB = 1024;

  private final Path directory;
  private final Source source;

  /**
   * Reads the files of the process from {@code directory}.
   *
   * @param directory in the form of Linux's {@code /proc/self}; when it has no {@code status}, the
   *     JVM is asked
   */
  ResidentMemory(Path directory) {
    this.directory = directory;
    this.source = Files.isReadable(directory.resolve("status")) ? Source.KERNEL : Source.JVM;
  }

  /** The memory of this process. */
  public static ResidentMemory ofThisProcess() {
    return new ResidentMemory(Path.of("/proc/self"));
  }

  /** What the figures count on this system. */
  public Source source() {
    return source;
  }

  /** Bytes held now. */
  public long current() {
    return switch (source) {
      case KERNEL -> status("VmRSS");
      case JVM ->
          directBuffers()
              + ManagementFactory.getMemoryPoolMXBeans().stream()
                  .mapToLong(pool -> pool.getUsage().getUsed())
                  .sum();
    };
  }

  /**
   * Most bytes held since the process began, or since {@link #resetPeak()} when that succeeded. For
   * {@link Source#JVM} an upper bound: the sum of the peaks of its parts, of which direct buffers
   * are counted as they are now.
   */
  public long peak() {
    return switch (source) {
      case KERNEL -> status("VmHWM");
      case JVM ->
          directBuffers()
              + ManagementFactory.getMemoryPoolMXBeans().stream()
                  .mapToLong(pool -> pool.getPeakUsage().getUsed())
                  .sum();
    };
  }

  /**
   * Sets the peak to what is held now.
   *
   * @return false when the system does not permit it; the peak then stays that of the whole process
   */
  public boolean resetPeak() {
    return switch (source) {
      case KERNEL -> {
        try {
          // 5 resets the peak of the resident set: proc(5).
          Files.writeString(directory.resolve("clear_refs"), "5");
          yield true;
        } catch (IOException e) {
          yield false;
        }
      }
      case JVM -> {
        ManagementFactory.getMemoryPoolMXBeans().forEach(MemoryPoolMXBean::resetPeakUsage);
        yield true;
      }
    };
  }

  private long status(String key) {
    Path file = directory.resolve("status");
    try {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith(key + ":")) {
          return KIB * Long.parseLong(line.substring(key.length() + 1).replace("kB", "").strip());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new IllegalStateException("%s must have a line %s".formatted(file, key));
  }

  private static long directBuffers() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }
}
