package dev.mneme.attention;

/**
 * Computes attention of a few queries over a working set.
 *
 * <p>For query {@code i} of head {@code h}, with {@code kv = h / group()}:
 *
 * <pre>
 * s[c]  = farQuery(i, h) . farKey(kv, c)                for c in [0, far)
 * s[c]  = windowQuery(i, h) . windowKey(kv, c - far)    for c in [far, far + window)
 * p     = softmax(cap(s) + mask[i])
 * out   = sum over c of p[c] * value(kv, c)
 * mass[h, c] = sum over i of p[c], for each run of queries of its own
 * </pre>
 *
 * <p>{@code cap} is the model's soft cap, or nothing. One softmax over two rotations of the same
 * query is InfLLM's joint attention. Thread-safe: one kernel serves all layers and sessions.
 */
public interface AttentionKernel extends AutoCloseable {

  /** How many keys of a working set it wants side by side; see {@link KeyRows}. */
  int keyPanel();

  /**
   * Prepares attention over a working set.
   *
   * @param set whose keys are in such panels; its memory must outlive what is returned
   * @return closed by the caller, before the set is closed
   */
  Attention over(WorkingSet set);

  /** Frees the kernel; no attention of it may be in use. */
  @Override
  void close();

  /** Attention over one working set. Not thread-safe. */
  interface Attention extends AutoCloseable {

    /** Attends the queries of a tile, writing its output and mass. */
    void attend(QueryTile tile);

    @Override
    void close();
  }
}
