package dev.mneme.memory.file;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;

/**
 * Work on files that an interrupt does not end. An interrupt closes the channel that a thread works
 * on; the work is then done again, with a channel that is open, and the thread stays interrupted.
 */
final class Uninterrupted {

  /** Work on a channel, which may be done again from its start or go on where it was. */
  @FunctionalInterface
  interface Work {
    void run() throws IOException;
  }

  private Uninterrupted() {}

  /** Does it to its end. */
  static void run(Work work) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          work.run();
          return;
        } catch (ClosedChannelException e) {
          // Closed by an interrupt of this thread or of another one that used it.
          interrupted |= Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
