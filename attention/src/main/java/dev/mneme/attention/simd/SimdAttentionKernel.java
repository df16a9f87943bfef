package dev.mneme.attention.simd;

import static com.google.common.base.Preconditions.checkState;

import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import dev.mneme.memory.concurrent.Pool;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.simd.VectorApi;

/**
 * Attention by the JVM's Vector API.
 *
 * <p>What it has over a graph of operators: scores stay in a core's own cache from the first
 * product to the second, columns that the mask hides from a whole tile are left out, the mask is
 * read only where it hides something, and a tile is one job for the threads instead of one for each
 * operator.
 */
public final class SimdAttentionKernel implements AttentionKernel {

  private final Workers workers;
  private final Pool<TileRun> tileRuns = new Pool<>();
  private final Pool<SingleRun> singleRuns = new Pool<>();

  /**
   * Opens the kernel.
   *
   * @param workers that attend together; kept open by the caller
   * @throws IllegalStateException if the JVM runs without the Vector API
   */
  public SimdAttentionKernel(Workers workers) {
    checkState(isAvailable(), "the JVM runs without --add-modules jdk.incubator.vector");
    this.workers = workers;
  }

  /** Whether the JVM runs with the Vector API, on a machine whose vectors make it worth it. */
  public static boolean isAvailable() {
    return VectorApi.isFast();
  }

  @Override
  public int keyPanel() {
    return SimdMath.COLUMNS;
  }

  @Override
  public Attention over(WorkingSet set) {
    return new SimdAttention(set);
  }

  @Override
  public void close() {}

  private final class SimdAttention implements Attention {

    private final WorkingSet set;

    SimdAttention(WorkingSet set) {
      this.set = set;
    }

    @Override
    public void attend(QueryTile tile) {
      if (tile.queries() == 1) {
        singleRuns.use(
            () -> new SingleRun(set, tile),
            run -> {
              workers.run(run.begin(set, tile), run);
              run.end();
            });
      } else {
        tileRuns.use(() -> new TileRun(set, tile), run -> workers.run(run.begin(set, tile), run));
      }
    }

    @Override
    public void close() {}
  }

  /** The array itself, or a longer one whose content is not kept. */
  static float[] atLeast(int length, float[] array) {
    return array.length < length ? new float[length] : array;
  }
}
