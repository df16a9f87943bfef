package dev.mneme.memory.store;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** The memory that native code allocates. */
public final class NativeHeap {

  /** {@code int malloc_trim(size_t pad)}, which glibc has and other libraries of C do not. */
  private static final Optional<MethodHandle> MALLOC_TRIM =
      function("malloc_trim", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));

  private static final MethodHandle CALLOC =
      function("calloc", FunctionDescriptor.of(ADDRESS, JAVA_LONG, JAVA_LONG)).orElseThrow();

  private static final MethodHandle FREE =
      function("free", FunctionDescriptor.ofVoid(ADDRESS)).orElseThrow();

  private NativeHeap() {}

  @SuppressWarnings("restricted") // the signatures are those of the C standard and of manual pages
  private static Optional<MethodHandle> function(String name, FunctionDescriptor signature) {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find(name)
        .map(symbol -> linker.downcallHandle(symbol, signature));
  }

  /**
   * Memory of zeros that is not touched yet. An arena's own writes zeros to all of it, which costs
   * as much as filling it with something, and makes it resident at once.
   *
   * @param arena that frees it
   */
  @SuppressWarnings("restricted") // as long as the arena says
  static MemorySegment allocate(long bytes, Arena arena) {
    try {
      MemorySegment memory = (MemorySegment) CALLOC.invokeExact(1L, bytes);
      if (memory.equals(MemorySegment.NULL)) {
        throw new OutOfMemoryError("no memory for " + bytes + " bytes outside the heap");
      }
      return memory.reinterpret(bytes, arena, NativeHeap::free);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("calloc failed: " + e, e);
    }
  }

  private static void free(MemorySegment memory) {
    try {
      FREE.invokeExact(memory);
    } catch (Throwable e) {
      throw new IllegalStateException("free failed: " + e, e);
    }
  }

  /**
   * Gives memory that was freed back to the system. glibc keeps it otherwise: 598 of 2,350 MB in a
   * process that had opened a model and encoded texts of 128K tokens.
   */
  public static void trim() {
    if (MALLOC_TRIM.isPresent()) {
      try {
        var _ = (int) MALLOC_TRIM.get().invokeExact(0L);
      } catch (Throwable e) {
        throw new IllegalStateException("malloc_trim failed: " + e, e);
      }
    }
  }
}
