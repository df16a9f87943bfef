package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MemoryAttentionTest {

  private static final int KV_HEADS = 2;
  private static final int DIM = 8;
  private static final double[] FREQUENCIES = {1, 0.2, 0.05, 0.01};

  /** A configuration, a rotation and the cuts of a text, drawn from a seed. */
  record Case(
      long seed,
      int group,
      MemoryConfig config,
      float magnitude,
      boolean interleaved,
      int pairs,
      boolean onnx) {

    AttentionShape shape() {
      return new AttentionShape(group * KV_HEADS, KV_HEADS, DIM, 0.35f);
    }

    RotaryEmbedding rotary() {
      return new RotaryEmbedding(frequencies(), magnitude, interleaved, config.distanceScale());
    }

    double[] frequencies() {
      return Arrays.copyOf(FREQUENCIES, pairs);
    }

    Oracle oracle() {
      return new Oracle(config, shape(), frequencies(), magnitude, interleaved);
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (int group : new int[] {1, 3, 8}) {
      for (Mask mask : Mask.values()) {
        for (Positions positions : Positions.values()) {
          for (boolean onnx : new boolean[] {false, true}) {
            for (int seed = 0; seed < 4; seed++) {
              cases.add(draw(seed, group, mask, positions, onnx));
            }
          }
        }
      }
    }
    return cases.stream();
  }

  private static Case draw(long seed, int group, Mask mask, Positions positions, boolean onnx) {
    Random random = new Random(seed);
    int blockSize = 1 + random.nextInt(12);
    int queryBlock = 1 + random.nextInt(90);
    MemoryConfig config =
        MemoryConfig.builder()
            .nInit(random.nextInt(3) * 5)
            .nLocal(queryBlock + random.nextInt(40))
            .blockSize(blockSize)
            .topK(seed == 3 ? 0 : 1 + random.nextInt(6))
            .representatives(1 + random.nextInt(blockSize))
            .queryBlock(queryBlock)
            .distanceScale(random.nextBoolean() ? 1 : 0.25)
            .farDistance(random.nextInt(40))
            .positions(positions)
            .mask(mask)
            .build();
    return new Case(
        seed,
        group,
        config,
        random.nextBoolean() ? 1 : 1.25f,
        random.nextBoolean(),
        random.nextInt(FREQUENCIES.length + 1),
        onnx);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void equalsTheOracle(Case drawn) throws OrtException {
    Text text = new Text(drawn.seed, drawn.shape(), 400);
    Oracle oracle = drawn.oracle();
    List<double[]> expected = new ArrayList<>();
    List<float[]> actual = new ArrayList<>();
    try (Reader reader = new Reader(drawn)) {
      // Two long cuts, then token by token as when decoding, then a long one again.
      int from = 0;
      List<Integer> cuts = new ArrayList<>(List.of(170, 330));
      for (int token = 331; token < 350; token++) {
        cuts.add(token);
      }
      cuts.add(text.tokens());
      for (int to : cuts) {
        expected.addAll(
            oracle.append(
                text.doubles(text.queries, from, to),
                text.doubles(text.keys, from, to),
                text.doubles(text.values, from, to)));
        actual.addAll(reader.read(text, from, to));
        from = to;
      }
      assertThat(reader.chosen()).isEqualTo(oracle.choices().getLast());
      assertThat(reader.memory.blocks()).isEqualTo(oracle.blocks().size());
      for (int block = 0; block < reader.memory.blocks(); block++) {
        assertThat(reader.memory.blockStart(block))
            .isEqualTo(oracle.blocks().get(block).getFirst());
      }
    }
    for (int token = 0; token < text.tokens(); token++) {
      for (int i = 0; i < expected.get(token).length; i++) {
        assertThat((double) actual.get(token)[i])
            .as("token %s channel %s", token, i)
            .isCloseTo(expected.get(token)[i], within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void doesNotDependOnCutsAtMultiplesOfTheQueryBlock(Case drawn) throws OrtException {
    int unit = drawn.config.queryBlock();
    Text text = new Text(drawn.seed, drawn.shape(), Math.max(400, 7 * unit));
    List<float[]> whole = new ArrayList<>();
    List<float[]> pieces = new ArrayList<>();
    try (Reader one = new Reader(drawn);
        Reader many = new Reader(drawn)) {
      whole.addAll(one.read(text, 0, text.tokens()));
      Random random = new Random(drawn.seed);
      for (int from = 0; from < text.tokens(); ) {
        int to = Math.min(text.tokens(), from + unit * (1 + random.nextInt(3)));
        pieces.addAll(many.read(text, from, to));
        from = to;
      }
    }
    for (int token = 0; token < text.tokens(); token++) {
      assertThat(pieces.get(token)).containsExactly(whole.get(token), within(1e-6f));
    }
  }

  @Test
  void isFullAttentionWhileTheWorkingSetHoldsTheWholeText() throws OrtException {
    MemoryConfig config =
        MemoryConfig.builder()
            .nInit(8)
            .nLocal(32)
            .blockSize(8)
            .topK(64)
            .representatives(2)
            .queryBlock(16)
            .farDistance(5)
            .positions(Positions.ORDERED)
            .build();
    Case drawn = new Case(1, 3, config, 1, false, 4, true);
    MemoryConfig wide = config.toBuilder().nLocal(1000).build();
    Case full = new Case(1, 3, wide, 1, false, 4, true);
    Text text = new Text(9, drawn.shape(), 500);
    try (Reader memory = new Reader(drawn);
        Reader window = new Reader(full)) {
      List<float[]> expected = window.read(text, 0, text.tokens());
      List<float[]> actual = memory.read(text, 0, text.tokens());
      for (int token = 0; token < text.tokens(); token++) {
        assertThat(actual.get(token)).containsExactly(expected.get(token), within(1e-5f));
      }
    }
  }

  @Test
  void layersAreAttendedInOrder() throws OrtException {
    Case drawn = draw(0, 1, Mask.FIXED, Positions.INFLLM, false);
    try (Reader reader = new Reader(drawn)) {
      reader.memory.begin(3, WordSearch.NONE);
      assertThatIllegalStateException()
          .isThrownBy(reader.memory::commit)
          .withMessageContaining("0 of 1");
    }
  }

  /** Random queries, keys and values of one layer. */
  private static final class Text {

    final float[][] queries;
    final float[][] keys;
    final float[][] values;

    Text(long seed, AttentionShape shape, int tokens) {
      Random random = new Random(seed);
      queries = gaussian(random, tokens, shape.heads() * shape.headDim());
      keys = gaussian(random, tokens, shape.kvHeads() * shape.headDim());
      values = gaussian(random, tokens, shape.kvHeads() * shape.headDim());
    }

    int tokens() {
      return queries.length;
    }

    List<double[]> doubles(float[][] rows, int from, int to) {
      List<double[]> result = new ArrayList<>();
      for (int token = from; token < to; token++) {
        double[] row = new double[rows[token].length];
        for (int i = 0; i < row.length; i++) {
          row[i] = rows[token][i];
        }
        result.add(row);
      }
      return result;
    }

    private static float[][] gaussian(Random random, int rows, int width) {
      float[][] matrix = new float[rows][width];
      for (float[] row : matrix) {
        for (int i = 0; i < width; i++) {
          row[i] = (float) random.nextGaussian();
        }
      }
      return matrix;
    }
  }

  /** Feeds a text to a memory of one layer, queries, keys and values packed in one matrix. */
  private static final class Reader implements AutoCloseable {

    final AttentionKernel kernel;
    final MemoryAttention memory;
    private final AttentionShape shape;

    Reader(Case drawn) throws OrtException {
      shape = drawn.shape();
      if (drawn.onnx) {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
          kernel = new OnnxAttentionKernel(OrtEnvironment.getEnvironment(), options, shape);
        }
      } else {
        kernel = new JavaAttentionKernel();
      }
      memory =
          new MemoryAttention(
              shape,
              drawn.rotary(),
              1,
              drawn.config,
              kernel,
              (layer, shape, dimension) ->
                  new ArenaBlockStore(shape, dimension, BlockPrecision.FLOAT32),
              ExactIndex::new);
    }

    List<Integer> chosen() {
      return Arrays.stream(memory.choice(0).blocks()).boxed().toList();
    }

    List<float[]> read(Text text, int from, int to) {
      int queryWidth = shape.heads() * shape.headDim();
      int keyWidth = shape.kvHeads() * shape.headDim();
      int width = queryWidth + 2 * keyWidth;
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment packed = arena.allocate((long) (to - from) * width * Float.BYTES, 64);
        for (int token = from; token < to; token++) {
          long at = (long) (token - from) * width * Float.BYTES;
          put(packed, at, text.queries[token]);
          put(packed, at + 4L * queryWidth, text.keys[token]);
          put(packed, at + 4L * (queryWidth + keyWidth), text.values[token]);
        }
        MemorySegment output = arena.allocate((long) (to - from) * queryWidth * Float.BYTES, 64);
        memory.begin(to - from, WordSearch.NONE);
        memory.attend(
            0,
            new TokenMatrix(packed, width, 0),
            new TokenMatrix(packed, width, queryWidth),
            new TokenMatrix(packed, width, queryWidth + keyWidth),
            new TokenMatrix(output, queryWidth, 0));
        memory.commit();
        List<float[]> rows = new ArrayList<>();
        for (int token = from; token < to; token++) {
          rows.add(
              output
                  .asSlice((long) (token - from) * queryWidth * Float.BYTES, 4L * queryWidth)
                  .toArray(ValueLayout.JAVA_FLOAT));
        }
        return rows;
      }
    }

    private static void put(MemorySegment to, long at, float[] row) {
      MemorySegment.copy(row, 0, to, ValueLayout.JAVA_FLOAT, at, row.length);
    }

    @Override
    public void close() {
      memory.close();
      kernel.close();
    }
  }
}
