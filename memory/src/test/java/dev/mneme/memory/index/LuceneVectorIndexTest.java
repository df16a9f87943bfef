package dev.mneme.memory.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.apache.lucene.store.LockObtainFailedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LuceneVectorIndexTest implements BlockIndexContract {

  private static final GraphParameters PARAMETERS = GraphParameters.defaults();

  @TempDir private Path folder;

  @Override
  public BlockIndex open(int dimension) {
    return LuceneVectorIndex.inMemory(dimension, PARAMETERS);
  }

  @Override
  public double leastRecall() {
    return 0.95;
  }

  /** Wider than Lucene's own limit; enough blocks for several segments and their merge. */
  @Test
  void findsAfterReopeningWhatItFoundBefore() throws IOException {
    int dimension = 1100;
    Random random = new Random(9);
    float[] query = random(random, dimension);
    Hits before;
    try (LuceneVectorIndex index = LuceneVectorIndex.open(folder, dimension, PARAMETERS)) {
      for (int block = 0; block < 3000; block++) {
        index.add(random(random, dimension));
      }
      index.commit();
      before = index.search(query, 8);
      index.add(query);
      assertThat(index.search(query, 1).blocks()).containsExactly(3000);
    }
    try (LuceneVectorIndex index = LuceneVectorIndex.open(folder, dimension, PARAMETERS)) {
      assertThat(index.size()).isEqualTo(3000);
      Hits after = index.search(query, 8);
      assertThat(after.blocks()).isEqualTo(before.blocks());
      assertThat(after.scores()).isEqualTo(before.scores());
      index.add(query);
      assertThat(index.search(query, 1).blocks()).containsExactly(3000);
    }
  }

  @Test
  void refusesAFolderThatIsNotItsOwn() throws IOException {
    try (LuceneVectorIndex index = LuceneVectorIndex.open(folder, 2, PARAMETERS)) {
      index.add(new float[] {1, 2});
      index.commit();
      assertThatIOException()
          .isThrownBy(() -> LuceneVectorIndex.open(folder, 2, PARAMETERS))
          .isInstanceOf(LockObtainFailedException.class);
    }
    assertThatIOException()
        .isThrownBy(() -> LuceneVectorIndex.open(folder, 3, PARAMETERS))
        .withMessage(folder + ": its vectors have another dimension: 2, expected 3");
    Path file = Files.writeString(folder.resolve("file"), "");
    assertThatIOException().isThrownBy(() -> LuceneVectorIndex.open(file, 2, PARAMETERS));
  }

  private static float[] random(Random random, int dimension) {
    float[] vector = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      vector[i] = random.nextFloat() - 0.5f;
    }
    return vector;
  }
}
