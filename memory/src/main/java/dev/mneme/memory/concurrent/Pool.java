package dev.mneme.memory.concurrent;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What is made once and used again, by one user at a time. Thread-safe. */
public final class Pool<T> {

  private final Queue<T> idle = new ConcurrentLinkedQueue<>();

  /** Makes an empty pool. */
  public Pool() {}

  /**
   * Lends one that nobody uses, which is not lent again if its user fails.
   *
   * @param maker makes one where all are in use
   */
  public void use(Supplier<T> maker, Consumer<T> user) {
    T kept = idle.poll();
    T lent = kept == null ? maker.get() : kept;
    user.accept(lent);
    idle.add(lent);
  }
}
