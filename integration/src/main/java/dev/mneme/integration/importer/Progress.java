package dev.mneme.integration.importer;

/** Hears how far long work has come. Implementations are called from the working thread. */
@FunctionalInterface
public interface Progress {

  /** Hears nothing. */
  Progress NONE = (name, totalBytes) -> bytes -> {};

  /**
   * Starts a task; the caller closes it, whether the work ended well or not.
   *
   * @param name what is done, for people, such as "fetching smollm2"
   * @param totalBytes bytes to come, 0 when unknown
   */
  Task start(String name, long totalBytes);

  /** One running task. */
  @FunctionalInterface
  interface Task extends AutoCloseable {

    /** Says that {@code bytes} more are done. */
    void advance(long bytes);

    @Override
    default void close() {}
  }
}
