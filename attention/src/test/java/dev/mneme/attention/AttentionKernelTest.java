package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.mneme.attention.AttentionKernel.Attention;
import dev.mneme.attention.MemoryReader.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernels against the reference, over working sets and tiles of random numbers. */
class AttentionKernelTest {

  /** A working set and a number of queries, drawn from a seed. */
  record Case(long seed, Kernel kernel, AttentionShape shape, WorkingLayout layout, int queries) {

    static Case draw(long seed, Kernel kernel) {
      Random random = new Random(seed);
      int kvHeads = 1 + random.nextInt(3);
      int heads = kvHeads * (1 + random.nextInt(8));
      int dim = List.of(2, 8, 20, 32, 64, 80, 96, 128).get(random.nextInt(8));
      float softcap = random.nextInt(3) == 0 ? 2 : 0;
      WorkingLayout layout =
          new WorkingLayout(
              8,
              random.nextInt(3) * 7,
              random.nextInt(3) * 5,
              random.nextInt(40),
              1 + random.nextInt(200),
              8);
      int queries = random.nextInt(3) == 0 ? 1 : 1 + random.nextInt(64);
      return new Case(
          seed, kernel, new AttentionShape(heads, kvHeads, dim, 1, softcap), layout, queries);
    }
  }

  static Stream<Case> cases() {
    return IntStream.range(0, 60)
        .boxed()
        .flatMap(
            seed -> Stream.of(Kernel.ONNX, Kernel.SIMD).map(kernel -> Case.draw(seed, kernel)));
  }

  /** What a tile received, twice: a kernel keeps memory from one tile to the next. */
  private static List<float[]> attend(Case drawn, Kernel kind) throws OrtException {
    List<float[]> results = new ArrayList<>();
    Random random = new Random(drawn.seed);
    int width = drawn.layout.width();
    try (AttentionKernel kernel = kind.open(drawn.shape);
        WorkingSet set = new WorkingSet(drawn.shape, drawn.layout, kernel.keyPanel());
        QueryTile.Scratch scratch = new QueryTile.Scratch(drawn.shape, drawn.queries, width);
        Attention attention = kernel.over(set)) {
      QueryTile tile = scratch.tile(drawn.queries, 0);
      for (int round = 0; round < 2; round++) {
        fill(set.farKeys(), drawn.shape, set.far(), random);
        fill(set.windowKeys(), drawn.shape, set.window(), random);
        for (MemorySegment memory :
            List.of(set.values(), tile.farQueries(), tile.windowQueries())) {
          for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
            memory.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian() / 2);
          }
        }
        // From hardly anything to hardly nothing is hidden, and always the same first columns.
        double hidden = random.nextDouble();
        for (int query = 0; query < drawn.queries; query++) {
          float[] row = new float[width];
          int open = random.nextInt(width);
          for (int column = 0; column < width; column++) {
            boolean hide = column < width / 3 ? hidden > 0.5 : random.nextDouble() < hidden;
            row[column] = hide && column != open ? Float.NEGATIVE_INFINITY : 0;
          }
          tile.mask(query, row);
        }
        attention.attend(tile);
        results.add(tile.output().toArray(JAVA_FLOAT));
        results.add(tile.mass().toArray(JAVA_FLOAT));
      }
    }
    return results;
  }

  private static void fill(KeyRows keys, AttentionShape shape, int rows, Random random) {
    float[] key = new float[shape.headDim()];
    for (int head = 0; head < shape.kvHeads(); head++) {
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < key.length; i++) {
          key[i] = (float) random.nextGaussian() / 2;
        }
        keys.put(head, row, key, 0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void computesWhatTheReferenceDoes(Case drawn) throws OrtException {
    List<float[]> expected = attend(drawn, Kernel.JAVA);
    List<float[]> actual = attend(drawn, drawn.kernel);

    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).hasSameSizeAs(expected.get(i));
      for (int j = 0; j < expected.get(i).length; j++) {
        assertThat(actual.get(i)[j])
            .as("number %s of result %s", j, i)
            .isCloseTo(expected.get(i)[j], within(1e-5f * Math.max(1, drawn.queries / 8)));
      }
    }
  }

  /** Products so large that a careless {@code exp} of them is no number any more. */
  @ParameterizedTest
  @EnumSource
  void boundsLargeProducts(Kernel kind) throws OrtException {
    AttentionShape shape = new AttentionShape(2, 1, 64, 1, 2);
    WorkingLayout layout = new WorkingLayout(8, 5, 0, 0, 30, 8);
    for (int queries : new int[] {1, 4}) {
      try (AttentionKernel kernel = kind.open(shape);
          WorkingSet set = new WorkingSet(shape, layout, kernel.keyPanel());
          QueryTile.Scratch scratch = new QueryTile.Scratch(shape, queries, layout.width());
          Attention attention = kernel.over(set)) {
        QueryTile tile = scratch.tile(queries, 0);
        for (int query = 0; query < queries; query++) {
          tile.mask(query, new float[layout.width()]);
        }
        tile.farQueries().copyFrom(constant(4, tile.farQueries()));
        tile.windowQueries().copyFrom(constant(4, tile.windowQueries()));
        set.farKeys().memory().copyFrom(constant(4, set.farKeys().memory()));
        set.windowKeys().memory().copyFrom(constant(-4, set.windowKeys().memory()));
        set.values().copyFrom(constant(1, set.values()));
        MemorySegment far = set.values().asSlice(0, layout.far() * shape.vectorBytes());
        far.copyFrom(constant(3, far));

        attention.attend(tile);

        // Five scores of 2 and thirty of -2.
        double much = 5 * Math.exp(2);
        double little = 30 * Math.exp(-2);
        float expected = (float) ((3 * much + little) / (much + little));
        for (float output : tile.output().toArray(JAVA_FLOAT)) {
          assertThat(output).isCloseTo(expected, within(1e-5f));
        }
      }
    }
  }

  private static MemorySegment constant(float value, MemorySegment like) {
    float[] values = new float[(int) (like.byteSize() / Float.BYTES)];
    Arrays.fill(values, value);
    return MemorySegment.ofArray(values);
  }
}
