package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An exact index whose codes are all in a file, and one whose codes are so in part. */
class SpilledIndexTest extends ExactIndexTest {

  @TempDir private Path folder;
  private CodeSpace space = CodeSpace.inMemory();

  @BeforeEach
  void open() {
    space = CodeSpace.bounded(0, folder);
  }

  @AfterEach
  void close() throws IOException {
    assertThat(space.residentBytes()).isZero();
    space.close();
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  /** The mean of a group of vectors stays in memory. */
  @Override
  public long leastBytes(int dimension) {
    return dimension / 64;
  }

  @Override
  CodeSpace space() {
    return space;
  }

  @Test
  void roomThatIsGivenBackIsUsedAgain() throws IOException {
    int dimension = 32;
    int group = 64 * dimension;
    float[][] vectors =
        new Random(1)
            .doubles(640)
            .mapToObj(i -> Arrays.copyOf(new float[] {(float) i, 1}, dimension))
            .toArray(float[][]::new);
    VectorSource source = (block, to) -> System.arraycopy(vectors[block], 0, to, 0, dimension);
    try (CodeSpace bounded = CodeSpace.bounded(3L * group, folder)) {
      for (int round = 0; round < 3; round++) {
        ExactIndex index = new ExactIndex(dimension, source, bounded, WORKERS);
        ExactIndex all = new ExactIndex(dimension, source);
        for (float[] vector : vectors) {
          index.add(vector);
          all.add(vector);
        }
        assertThat(bounded.residentBytes()).isEqualTo(3L * group);
        ExactIndex fork = index.fork(source);
        index.close();
        assertThat(bounded.residentBytes()).isEqualTo(3L * group);
        float[] query = Arrays.copyOf(new float[] {1, 0.5f}, dimension);
        assertThat(fork.search(query, 5).blocks()).isEqualTo(all.search(query, 5).blocks());
        fork.close();
        assertThat(bounded.residentBytes()).isZero();
      }
      try (Stream<Path> files = Files.walk(folder)) {
        long bytes =
            files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
        assertThat(bytes).isBetween(7L * group, 8L * group);
      }
    }
  }
}
