package dev.mneme.integration.cli;

import com.google.common.base.Splitter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Resident memory of this process. On Linux what the kernel counts; elsewhere the committed memory
 * of the JVM, which leaves out what native libraries hold.
 */
public final class ResidentMemory {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR_REFS = Path.of("/proc/self/clear_refs");

  private ResidentMemory() {}

  /** Resident bytes now. */
  public static long bytes() {
    return kernelBytes("VmRSS:");
  }

  /** The most resident bytes since the process began or {@link #resetPeak} was called. */
  public static long peakBytes() {
    return kernelBytes("VmHWM:");
  }

  /** Starts to count the peak anew, where the kernel allows it. */
  public static void resetPeak() {
    if (Files.isWritable(CLEAR_REFS)) {
      try {
        Files.writeString(CLEAR_REFS, "5");
      } catch (IOException e) {
        // Without permission the peak stays that of the whole process, which is an upper bound.
        return;
      }
    }
  }

  private static long kernelBytes(String field) {
    if (Files.isReadable(STATUS)) {
      try {
        for (String line : Files.readAllLines(STATUS)) {
          if (line.startsWith(field)) {
            String kibibytes =
                Splitter.on(' ')
                    .omitEmptyStrings()
                    .splitToList(line.substring(field.length()).strip())
                    .getFirst();
            return Long.parseLong(kibibytes) << 10;
          }
        }
      } catch (IOException e) {
        return committedBytes();
      }
    }
    return committedBytes();
  }

  private static long committedBytes() {
    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    MemoryUsage other = ManagementFactory.getMemoryMXBean().getNonHeapMemoryUsage();
    return heap.getCommitted() + other.getCommitted();
  }
}
