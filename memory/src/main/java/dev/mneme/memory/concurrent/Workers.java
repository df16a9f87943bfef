package dev.mneme.memory.concurrent;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Throwables.throwIfUnchecked;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that help the calling thread with a few short tasks.
 *
 * <p>The caller works too and never waits for a helper to come: a helper that is late, or busy with
 * another caller, finds nothing left to do. Between two jobs helpers wait actively for a moment,
 * because waking a thread takes as long as a good part of a job. Thread-safe.
 */
public final class Workers implements AutoCloseable {

  /** Nanoseconds of active waiting before a helper sleeps: more than a layer takes in decoding. */
  private static final long PATIENCE = 2_000_000;

  private final Thread[] helpers;
  private final long patience;
  private volatile @Nullable Job current;
  private volatile boolean closed;

  /**
   * Starts the helpers.
   *
   * @param threads that work on a job together, the caller among them
   * @param spinning whether helpers wait actively between jobs
   */
  public Workers(int threads, boolean spinning) {
    checkArgument(threads > 0, "threads must be positive: %s", threads);
    patience = spinning ? PATIENCE : 0;
    helpers = new Thread[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = Thread.ofPlatform().daemon().name("mneme-worker-", i).start(this::help);
    }
  }

  /** The calling thread alone. */
  public static Workers none() {
    return new Workers(1, false);
  }

  /** Threads that work on a job together, the caller among them. */
  public int threads() {
    return helpers.length + 1;
  }

  /** What a job consists of. */
  @FunctionalInterface
  public interface Task {

    /** Does one part of a job. */
    void run(int number);
  }

  /**
   * Runs the tasks from 0 to {@code count} exclusive and returns when all are done.
   *
   * @throws RuntimeException what a task threw, after all have ended
   */
  public void run(int count, Task task) {
    if (count == 1) {
      task.run(0);
      return;
    }
    Job job = new Job(count, task);
    current = job;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
    job.work();
    job.await();
    if (current == job) {
      current = null;
    }
  }

  /**
   * Waits for a moment that may be very short. Whoever else wants this core goes first, such as a
   * thread of ONNX Runtime or the one that is waited for.
   */
  @SuppressWarnings("ThreadPriorityCheck") // nothing but speed depends on it
  private static void giveWay() {
    Thread.yield();
  }

  private void help() {
    long idleSince = System.nanoTime();
    while (!closed) {
      Job job = current;
      if (job != null && job.work()) {
        idleSince = System.nanoTime();
      } else if (System.nanoTime() - idleSince < patience) {
        giveWay();
      } else {
        LockSupport.park(this);
        idleSince = System.nanoTime();
      }
    }
  }

  /** Ends the helpers; no job may be running. */
  @Override
  public void close() {
    closed = true;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
  }

  private static final class Job {

    private final int count;
    private final Task task;
    private final AtomicInteger begun = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    Job(int count, Task task) {
      this.count = count;
      this.task = task;
    }

    /** Works until no task is left to begin; returns whether there was one. */
    boolean work() {
      int number = begun.get();
      if (number >= count) {
        return false;
      }
      while ((number = begun.getAndIncrement()) < count) {
        try {
          task.run(number);
        } catch (Throwable e) {
          failure = e;
        } finally {
          done.getAndIncrement();
        }
      }
      return true;
    }

    /** Waits for what helpers have begun. */
    void await() {
      while (done.get() < count) {
        giveWay();
      }
      Throwable thrown = failure;
      if (thrown != null) {
        throwIfUnchecked(thrown);
        throw new IllegalStateException("a task failed: " + thrown, thrown);
      }
    }
  }
}
