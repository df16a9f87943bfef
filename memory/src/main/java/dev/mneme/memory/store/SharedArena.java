package dev.mneme.memory.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/** Memory with several owners, freed by the last of them. Thread-safe. */
final class SharedArena {

  private final Arena arena = Arena.ofShared();
  private final AtomicInteger owners = new AtomicInteger(1);

  MemorySegment allocate(long bytes) {
    return NativeHeap.allocate(bytes, arena);
  }

  SharedArena retain() {
    owners.incrementAndGet();
    return this;
  }

  void release() {
    if (owners.decrementAndGet() == 0) {
      arena.close();
    }
  }
}
