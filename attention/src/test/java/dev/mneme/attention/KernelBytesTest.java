package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mneme.attention.selection.WordSearch;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a kernel is said to read and write is the size of the tensors that it is given. */
class KernelBytesTest {

  private static final AttentionShape SHAPE = new AttentionShape(4, 2, 8, 0.3f);
  private static final int TOKENS = 700;

  static Stream<MemoryConfig> configurations() {
    MemoryConfig.Builder builder =
        MemoryConfig.builder().nInit(4).nLocal(64).blockSize(8).topK(3).representatives(2);
    return Stream.of(
        builder.queryBlock(16).build(),
        builder.queryBlock(24).blockSize(10).build(),
        builder.queryBlock(7).topK(0).build(),
        MemoryConfig.windowOnly(48));
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void areThoseOfTheTensors(MemoryConfig config) {
    Recording kernel = new Recording();
    int tile = MemoryAttention.tile(config);
    try (MemoryAttention memory =
        new MemoryAttention(
            SHAPE,
            new RotaryEmbedding(new double[] {1, 0.1}, 1, false, 1),
            1,
            config,
            kernel,
            Workers.none(),
            ArenaBlockStore.factory(BlockPrecision.FLOAT32),
            ExactIndex::new)) {
      for (int token = 0; token < TOKENS; token += config.queryBlock()) {
        read(memory, config.queryBlock());
      }
      assertThat(kernel.most.get(tile)).isEqualTo(MemoryAttention.kernelBytes(SHAPE, config, tile));
      kernel.most.clear();
      for (int token = 0; token < 2 * config.blockSize(); token++) {
        read(memory, 1);
      }
      assertThat(kernel.most).containsOnlyKeys(1);
      assertThat(kernel.most.get(1)).isEqualTo(MemoryAttention.kernelBytes(SHAPE, config, 1));
    }
  }

  private static void read(MemoryAttention memory, int tokens) {
    int width = SHAPE.heads() * SHAPE.headDim();
    TokenMatrix matrix =
        new TokenMatrix(MemorySegment.ofArray(new float[tokens * width]), width, 0);
    int end = memory.tokens() + tokens;
    memory.begin(new int[end], end, WordSearch.NONE);
    memory.attend(0, new TokenMatrices(matrix, matrix, matrix, matrix));
    memory.commit();
  }

  /** Computes nothing and counts bytes by the number of queries. */
  private static final class Recording implements AttentionKernel {

    final Map<Integer, Long> most = new HashMap<>();

    @Override
    public int keyPanel() {
      return 1;
    }

    @Override
    public Attention over(WorkingSet set) {
      return new Attention() {
        @Override
        public void attend(QueryTile tile) {
          long bytes =
              Stream.of(
                      set.farKeys().memory(),
                      set.windowKeys().memory(),
                      set.values(),
                      tile.windowQueries(),
                      tile.farQueries(),
                      tile.mask(),
                      tile.output(),
                      tile.mass())
                  .mapToLong(MemorySegment::byteSize)
                  .sum();
          most.merge(tile.queries(), bytes, Math::max);
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void close() {}
  }
}
