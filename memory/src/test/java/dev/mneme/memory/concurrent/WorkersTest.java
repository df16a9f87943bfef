package dev.mneme.memory.concurrent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void runEveryTaskOnceForEachOfSeveralCallers(int threads) {
    try (Workers workers = new Workers(threads, true)) {
      IntStream.range(0, 300)
          .parallel()
          .forEach(job -> {
            AtomicIntegerArray runs = new AtomicIntegerArray(1 + job % 17);
            workers.run(runs.length(), runs::incrementAndGet);
            for (int task = 0; task < runs.length(); task++) {
              assertThat(runs.get(task)).isEqualTo(1);
            }
          });
    }
  }

  @Test
  void helpersTakePart() {
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    CyclicBarrier together = new CyclicBarrier(3);
    try (Workers workers = new Workers(3, false)) {
      workers.run(
          3,
          task -> {
            seen.add(Thread.currentThread());
            try {
              together.await(1, TimeUnit.MINUTES);
            } catch (Exception e) {
              throw new IllegalStateException(e);
            }
          });
    }
    assertThat(seen).hasSize(3).contains(Thread.currentThread());
  }

  @Test
  void aTaskThatFailsEndsItsJobAlone() {
    try (Workers workers = new Workers(2, false)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() ->
              workers.run(
                  4,
                  task -> {
                    if (task == 1) {
                      throw new IllegalArgumentException("the second one");
                    }
                  }))
          .withMessage("the second one");
      AtomicIntegerArray runs = new AtomicIntegerArray(4);
      workers.run(4, runs::incrementAndGet);
      assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1]");
    }
  }
}
