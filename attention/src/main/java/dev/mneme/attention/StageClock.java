package dev.mneme.attention;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Adds up the time that each {@link Stage} takes. Not thread-safe. */
public final class StageClock {

  private final Map<Stage, LongAdder> nanoseconds = new EnumMap<>(Stage.class);
  private long last;

  StageClock() {
    for (Stage stage : Stage.values()) {
      nanoseconds.put(stage, new LongAdder());
    }
  }

  /** Begins to count: time up to now belongs to no stage. */
  public void start() {
    last = System.nanoTime();
  }

  /** Counts the time since the last call for a stage that has just ended. */
  public void end(Stage stage) {
    long now = System.nanoTime();
    requireNonNull(nanoseconds.get(stage)).add(now - last);
    last = now;
  }

  /** The times up to now. */
  public Map<Stage, Duration> times() {
    Map<Stage, Duration> times = new EnumMap<>(Stage.class);
    nanoseconds.forEach((stage, sum) -> times.put(stage, Duration.ofNanos(sum.sum())));
    return times;
  }
}
