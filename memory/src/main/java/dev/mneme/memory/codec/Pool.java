package dev.mneme.memory.codec;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Buffers, of which each user has one for itself for as long as it uses it. Thread-safe. */
final class Pool<T> {

  private final Supplier<T> maker;
  private final Queue<T> idle = new ConcurrentLinkedQueue<>();

  /** Makes an empty pool; {@code maker} makes what is missing. */
  Pool(Supplier<T> maker) {
    this.maker = maker;
  }

  /** Lends one. */
  void use(Consumer<T> user) {
    T taken = idle.poll();
    T lent = taken == null ? maker.get() : taken;
    try {
      user.accept(lent);
    } finally {
      idle.add(lent);
    }
  }
}
