package dev.mneme.benchmarks.recall;

import dev.mneme.MnemeSession;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What prompts have in common with the next one, read once and forked: pass keys at growing depths
 * share the text in front of the key, and questions about one text all of it. What is computed is
 * the same to the bit. Not thread-safe.
 */
final class SharedPrefix implements AutoCloseable {

  /** Fewer tokens are not worth a second session. */
  private static final int LEAST = 512;

  private final Supplier<MnemeSession> sessions;
  private final boolean kept;
  private @Nullable MnemeSession base;
  private int[] prefix = {};

  /**
   * Has read nothing.
   *
   * @param sessions opens empty ones, or such that have read the beginning of a prompt
   * @param kept whether they have a folder, where what is shared is saved
   */
  SharedPrefix(Supplier<MnemeSession> sessions, boolean kept) {
    this.sessions = sessions;
    this.kept = kept;
  }

  /** How many tokens of a prompt were read already. */
  int tokens(int[] prompt) {
    if (base == null && kept) {
      base = sessions.get();
    }
    if (base != null && prefix.length == 0) {
      return Math.min(base.tokens(), prompt.length);
    }
    return common(prompt, prefix) < prefix.length ? 0 : prefix.length;
  }

  /**
   * A session that has read the beginning of a prompt; closed by the caller.
   *
   * @param prompt its tokens
   * @param next the prompt that is asked for next; null for none
   * @param progress told the number of tokens read so far
   */
  MnemeSession begin(int[] prompt, int @Nullable [] next, IntConsumer progress) {
    MnemeSession session = base;
    if (session == null || tokens(prompt) < prefix.length) {
      close();
      session = sessions.get();
    }
    base = session;
    // Something is left to read of both, even of equal ones.
    int shared =
        next == null
            ? 0
            : common(
                Arrays.copyOf(prompt, prompt.length - 1), Arrays.copyOf(next, next.length - 1));
    if (shared - prefix.length >= LEAST) {
      prefix = Arrays.copyOf(prompt, shared);
      session.continueTo(prefix, progress);
      if (kept) {
        session.save();
      }
    }
    if (shared >= prefix.length && shared >= LEAST) {
      return session.fork();
    }
    base = null;
    prefix = new int[0];
    return session;
  }

  private static int common(int[] one, int[] other) {
    int mismatch = Arrays.mismatch(one, other);
    return mismatch < 0 ? one.length : mismatch;
  }

  @Override
  public void close() {
    if (base != null) {
      base.close();
    }
    base = null;
    prefix = new int[0];
  }
}
