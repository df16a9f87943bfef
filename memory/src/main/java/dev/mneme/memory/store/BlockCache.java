package dev.mneme.memory.store;

import static com.google.common.base.Preconditions.checkArgument;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import dev.mneme.memory.file.RecordFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of files that are kept in off-heap memory, within a budget of bytes that the sessions of a
 * model share.
 *
 * <p>What stays is decided by Caffeine's W-TinyLFU: recency and frequency. All frames have one
 * size, so that the frame of a block that leaves serves the next one; they are allocated in slabs,
 * which the system maps apart from what is allocated and freed all the time, and freed when the
 * cache is closed. Thread-safe.
 */
public final class BlockCache implements AutoCloseable {

  /** Frames beside those of cached blocks: of blocks that are being read or written. */
  private static final int SPARE = 16;

  private static final int READERS = 4;

  /** Most bytes of a slab; glibc maps what is larger than 32 MiB whatever it did before. */
  private static final long SLAB_BYTES = 33L << 20;

  /** A cache has at least so many slabs, so that it grows with its use. */
  private static final int LEAST_SLABS = 8;

  private final long maxBytes;
  private final long frameBytes;
  private final Arena arena = Arena.ofShared();
  private final Cache<Key, Frame> cache;
  private final ConcurrentLinkedDeque<MemorySegment> free = new ConcurrentLinkedDeque<>();
  private final ConcurrentMap<Key, CompletableFuture<@Nullable Void>> reading =
      new ConcurrentHashMap<>();
  private final AtomicLong allocated = new AtomicLong();
  private final int slabFrames;
  private @Nullable MemorySegment slab;
  private int slabUsed;
  private final ExecutorService readers =
      Executors.newFixedThreadPool(
          READERS, Thread.ofPlatform().daemon().name("mneme-read-", 0).factory());

  private record Key(RecordFile file, long record) {}

  /** Memory of one block, in use until it is released. */
  final class Frame {

    private final MemorySegment memory;
    private final AtomicInteger users = new AtomicInteger(1);

    Frame(MemorySegment memory) {
      this.memory = memory;
    }

    /** The record, its padding and its trailer. */
    MemorySegment memory() {
      return memory;
    }

    private boolean acquire() {
      return users.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
    }

    void release() {
      if (users.decrementAndGet() == 0) {
        free.push(memory);
      }
    }
  }

  /**
   * Makes an empty cache.
   *
   * @param maxBytes most bytes of all frames together
   * @param frameBytes of a record with its trailer
   */
  public BlockCache(long maxBytes, long frameBytes) {
    checkArgument(
        maxBytes >= leastBytes(frameBytes),
        "a block cache needs at least %s bytes for blocks of %s: %s",
        leastBytes(frameBytes),
        frameBytes,
        maxBytes);
    this.maxBytes = maxBytes;
    this.frameBytes = frameBytes;
    slabFrames =
        Math.toIntExact(Math.max(1, Math.min(SLAB_BYTES, maxBytes / LEAST_SLABS) / frameBytes));
    cache =
        Caffeine.newBuilder()
            .maximumWeight(maxBytes - SPARE * frameBytes)
            .weigher((Key key, Frame frame) -> Math.toIntExact(frame.memory.byteSize()))
            .removalListener((@Nullable Key key, @Nullable Frame frame, RemovalCause cause) -> {
              if (frame != null) {
                frame.release();
              }
            })
            .executor(Runnable::run)
            .build();
  }

  /** Least bytes of a cache. */
  public static long leastBytes(long frameBytes) {
    return 2 * SPARE * frameBytes;
  }

  /** A frame for a new block; released by the caller. */
  Frame frame() {
    MemorySegment memory = free.poll();
    if (memory == null && !reserve(maxBytes)) {
      // Evictions may be pending, and other threads take what they free.
      for (int tries = 0; memory == null && tries < SPARE; tries++) {
        cache.cleanUp();
        memory = free.poll();
      }
      if (memory == null) {
        reserve(Long.MAX_VALUE); // more blocks are in use at once than there are spare frames
      }
    }
    return new Frame(memory == null ? cut() : memory);
  }

  /** The next frame of a slab. */
  private synchronized MemorySegment cut() {
    MemorySegment from = slab;
    if (from == null || slabUsed == slabFrames) {
      from = arena.allocate(frameBytes * slabFrames, Long.BYTES);
      slab = from;
      slabUsed = 0;
    }
    return from.asSlice(frameBytes * slabUsed++, frameBytes);
  }

  /** Counts one frame more, unless that would be more bytes than {@code most}. */
  private boolean reserve(long most) {
    long before =
        allocated.getAndUpdate(bytes -> bytes + frameBytes <= most ? bytes + frameBytes : bytes);
    return before + frameBytes <= most;
  }

  /** Keeps a block that was just written; the caller stays in use of the frame. */
  void put(RecordFile file, long record, Frame frame) {
    frame.users.incrementAndGet();
    cache.put(new Key(file, record), frame);
  }

  /**
   * A block, from memory or else from its file; released by the caller.
   *
   * @throws UncheckedIOException if the file cannot be read or is corrupt
   */
  Frame get(RecordFile file, long record) {
    Key key = new Key(file, record);
    Frame cached = cached(key);
    if (cached == null) {
      CompletableFuture<@Nullable Void> begun = reading.get(key);
      if (begun != null) {
        begun.join();
        cached = cached(key);
      }
    }
    return cached == null ? read(key) : cached;
  }

  private @Nullable Frame cached(Key key) {
    Frame frame = cache.getIfPresent(key);
    return frame != null && frame.acquire() ? frame : null;
  }

  private Frame read(Key key) {
    // Not inside the cache's own loading, which must not wait for evictions.
    Frame frame = frame();
    try {
      key.file.read(key.record, frame.memory);
    } catch (IOException e) {
      frame.release();
      throw new UncheckedIOException(e.getMessage(), e);
    } catch (RuntimeException e) {
      frame.release();
      throw e;
    }
    put(key.file, key.record, frame);
    return frame;
  }

  /** Begins to read blocks that are not in memory, all but the first of them side by side. */
  void prefetch(RecordFile file, long[] records) {
    boolean first = true;
    for (long record : records) {
      Key key = new Key(file, record);
      if (cache.getIfPresent(key) == null) {
        if (!first) {
          reading.computeIfAbsent(key, this::begin);
        }
        first = false;
      }
    }
  }

  private CompletableFuture<@Nullable Void> begin(Key key) {
    CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
    readers.execute(() -> {
      try {
        read(key).release();
      } catch (RuntimeException e) {
        // Whoever needs the block reads it again and reports it.
      } finally {
        reading.remove(key);
        done.complete(null);
      }
    });
    return done;
  }

  /** Forgets a block that is about to be written anew. */
  void invalidate(RecordFile file, long record) {
    cache.invalidate(new Key(file, record));
  }

  /** Forgets all blocks of a file that is to be closed. */
  void invalidate(RecordFile file) {
    cache.asMap().keySet().removeIf(key -> key.file == file);
  }

  /** Bytes of all frames. */
  public long residentBytes() {
    return allocated.get();
  }

  /** Frees the frames; no store may be in use of them. */
  @Override
  public void close() {
    readers.close();
    arena.close();
  }
}
