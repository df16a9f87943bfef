package dev.mneme.attention;

import dev.mneme.memory.concurrent.Workers;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * The threads that work on a layer, each with a {@link Lane} of its own, which the layers of a
 * session use one after the other. A lane is made when first needed: of a hundred forks most are
 * never read from. Not thread-safe.
 */
final class Lanes implements AutoCloseable {

  /** Least tokens that are worth a thread. */
  private static final int LEAST = 16;

  private final Workers workers;
  private final Function<Arena, Lane> maker;
  private final Arena arena = Arena.ofShared();
  private final List<Lane> lanes = new ArrayList<>();

  /**
   * Lanes of one session.
   *
   * @param workers that share the work; outlive the lanes
   * @param maker makes a lane with memory of an arena
   */
  Lanes(Workers workers, Function<Arena, Lane> maker) {
    this.workers = workers;
    this.maker = maker;
  }

  /** Those of another session. */
  Lanes fork() {
    return new Lanes(workers, maker);
  }

  /** Work that can go on beside other work. */
  interface Step {
    void run(Lane lane);
  }

  /** Work on some tokens of many. */
  interface Range {
    void run(Lane lane, int from, int to);
  }

  /** The calling thread's. */
  Lane own() {
    return open(1).getFirst();
  }

  /** Runs all steps, in any order. */
  void run(List<? extends Step> steps) {
    int count = Math.min(steps.size(), workers.threads());
    if (count == 0) {
      return;
    }
    List<Lane> lanes = open(count);
    AtomicInteger next = new AtomicInteger();
    workers.run(
        count,
        number -> {
          Lane lane = lanes.get(number);
          for (int step; (step = next.getAndIncrement()) < steps.size(); ) {
            steps.get(step).run(lane);
          }
        });
  }

  /** Shares the tokens from {@code from} inclusive to {@code to} exclusive among the threads. */
  void share(int from, int to, Range range) {
    int tokens = to - from;
    int count = Math.clamp(tokens / LEAST, 1, workers.threads());
    List<Lane> lanes = open(count);
    workers.run(
        count,
        number ->
            range.run(
                lanes.get(number),
                from + number * tokens / count,
                from + (number + 1) * tokens / count));
  }

  private List<Lane> open(int count) {
    while (lanes.size() < count) {
      lanes.add(maker.apply(arena));
    }
    return lanes;
  }

  @Override
  public void close() {
    arena.close();
  }
}
