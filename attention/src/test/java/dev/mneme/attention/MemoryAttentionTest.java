package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.mneme.attention.MemoryReader.Kernel;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockStore;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
      float softcap,
      Kernel kernel) {

    AttentionShape shape() {
      return new AttentionShape(group * KV_HEADS, KV_HEADS, DIM, 0.35f, softcap);
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
          for (Kernel kernel : Kernel.values()) {
            for (int seed = 0; seed < 4; seed++) {
              cases.add(draw(seed, group, mask, positions, kernel));
            }
          }
        }
      }
    }
    return cases.stream();
  }

  private static Case draw(long seed, int group, Mask mask, Positions positions, Kernel kernel) {
    Random random = new Random(seed);
    int blockSize = 1 + random.nextInt(12);
    int queryBlock = 1 + random.nextInt(90);
    boolean noBlocks = seed == 3;
    MemoryConfig config =
        MemoryConfig.builder()
            .nInit(noBlocks ? 5 : random.nextInt(3) * 5)
            .nLocal(queryBlock + random.nextInt(40))
            .blockSize(blockSize)
            .topK(noBlocks ? 0 : 1 + random.nextInt(6))
            .representatives(1 + random.nextInt(blockSize))
            .queryBlock(queryBlock)
            .distanceScale(random.nextBoolean() ? 1 : 0.25)
            .farDistance(random.nextInt(40))
            .positions(positions)
            .maxGap(random.nextInt(3) * 20)
            .mask(mask)
            .prefixMatch(random.nextInt(4))
            .build();
    return new Case(
        seed,
        group,
        config,
        random.nextBoolean() ? 1 : 1.25f,
        random.nextBoolean(),
        random.nextInt(FREQUENCIES.length + 1),
        random.nextBoolean() ? 0 : 0.7f,
        kernel);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void equalsTheOracle(Case drawn) throws OrtException {
    compare(drawn);
  }

  @ParameterizedTest
  @EnumSource
  void aBlockThatIsCopiedComesNearerWithoutRivals(Kernel kernel) throws OrtException {
    for (int prefixMatch = 1; prefixMatch < 4; prefixMatch++) {
      MemoryConfig config =
          small(Positions.ORDERED).toBuilder().topK(9).prefixMatch(prefixMatch).build();
      Oracle oracle = compare(new Case(1, 3, config, 1, false, 4, 0, kernel));
      assertThat(oracle.copies()).isPositive();
      assertThat(oracle.hidden()).isPositive();
    }
  }

  /** Reads a text in both ways and compares them; returns the oracle. */
  private static Oracle compare(Case drawn) throws OrtException {
    RandomText text = new RandomText(drawn.seed, drawn.shape(), 400);
    Oracle oracle = drawn.oracle();
    List<double[]> expected = new ArrayList<>();
    List<float[]> actual = new ArrayList<>();
    try (MemoryReader reader = open(drawn)) {
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
                Arrays.copyOfRange(text.ids, from, to),
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
    return oracle;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void doesNotDependOnCutsAtMultiplesOfTheQueryBlock(Case drawn) throws OrtException {
    int unit = drawn.config.queryBlock();
    RandomText text = new RandomText(drawn.seed, drawn.shape(), Math.max(400, 7 * unit));
    List<float[]> whole = new ArrayList<>();
    List<float[]> pieces = new ArrayList<>();
    try (MemoryReader one = open(drawn);
        MemoryReader many = open(drawn)) {
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
    Case drawn = new Case(1, 3, config, 1, false, 4, 0, Kernel.ONNX);
    MemoryConfig wide = config.toBuilder().nLocal(1000).build();
    Case full = new Case(1, 3, wide, 1, false, 4, 0, Kernel.ONNX);
    RandomText text = new RandomText(9, drawn.shape(), 500);
    try (MemoryReader memory = open(drawn);
        MemoryReader window = open(full)) {
      List<float[]> expected = window.read(text, 0, text.tokens());
      List<float[]> actual = memory.read(text, 0, text.tokens());
      for (int token = 0; token < text.tokens(); token++) {
        assertThat(actual.get(token)).containsExactly(expected.get(token), within(1e-5f));
      }
    }
  }

  private static MemoryConfig small(Positions positions) {
    return MemoryConfig.builder()
        .nInit(4)
        .nLocal(32)
        .blockSize(8)
        .topK(3)
        .representatives(2)
        .queryBlock(16)
        .farDistance(9)
        .positions(positions)
        .maxGap(11)
        .build();
  }

  /** Heads that choose for themselves are so many memories of one key/value head each. */
  @ParameterizedTest
  @EnumSource
  void headsChooseForThemselves(Positions positions) throws OrtException {
    int heads = 3;
    MemoryConfig config = small(positions);
    RotaryEmbedding rotary = new RotaryEmbedding(FREQUENCIES, 1, false, 1);
    AttentionShape shape = new AttentionShape(2 * heads, heads, 8, 0.3f);
    RandomText text = new RandomText(3, shape, 300);
    try (MemoryReader together =
        MemoryReader.inMemory(
            shape, rotary, config.toBuilder().choosers(Choosers.KV_HEAD).build(), Kernel.JAVA)) {
      List<float[]> actual = together.read(text, 0, text.tokens());
      Set<Integer> chosen = new HashSet<>();
      for (int head = 0; head < heads; head++) {
        try (MemoryReader alone =
            MemoryReader.inMemory(new AttentionShape(2, 1, 8, 0.3f), rotary, config, Kernel.JAVA)) {
          List<float[]> expected = alone.read(text.ofHead(head, heads), 0, text.tokens());
          for (int token = 0; token < text.tokens(); token++) {
            float[] part = Arrays.copyOfRange(actual.get(token), head * 16, (head + 1) * 16);
            assertThat(part).containsExactly(expected.get(token), within(1e-6f));
          }
          chosen.addAll(alone.chosen());
        }
      }
      assertThat(together.chosen()).hasSizeGreaterThan(config.topK());
      assertThat(together.chosen()).containsExactlyInAnyOrderElementsOf(chosen);
    }
  }

  /** Its values stay in their slot, and only its keys are read where they turn to another place. */
  @ParameterizedTest
  @EnumSource
  void readsTheValuesOfABlockOnceForAsLongAsItIsChosen(Positions positions) throws OrtException {
    MemoryConfig config = small(positions);
    AttentionShape shape = new AttentionShape(4, 2, DIM, 0.3f);
    RotaryEmbedding rotary = new RotaryEmbedding(FREQUENCIES, 1, false, 1);
    RandomText text = new RandomText(5, shape, 600);
    AtomicInteger reads = new AtomicInteger();
    BlockStore.Factory counting =
        (layer, block, dimension) ->
            counting(new ArenaBlockStore(block, dimension, BlockPrecision.FLOAT32), reads);
    try (MemoryReader reader = new MemoryReader(shape, rotary, config, Kernel.SIMD, counting)) {
      reader.read(text, 0, 400);
      reads.set(0);
      int entered = 0;
      int stayed = 0;
      for (int token = 400; token < text.tokens(); token++) {
        List<Integer> before = reader.chosen();
        reader.read(text, token, token + 1);
        for (int block : reader.chosen()) {
          if (before.contains(block)) {
            stayed++;
          } else {
            entered++;
          }
        }
      }
      assertThat(entered).isPositive();
      assertThat(stayed).isPositive();
      assertThat(reads.get()).isEqualTo(entered * shape.kvHeads());
    }
  }

  /** A store that counts how often values of a head are read. */
  private static BlockStore counting(BlockStore store, AtomicInteger reads) {
    return (BlockStore)
        Proxy.newProxyInstance(
            BlockStore.class.getClassLoader(),
            new Class<?>[] {BlockStore.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("readValues")) {
                reads.incrementAndGet();
              }
              return method.invoke(store, arguments);
            });
  }

  @Test
  void layersAreAttendedInOrder() throws OrtException {
    Case drawn = draw(0, 1, Mask.FIXED, Positions.INFLLM, Kernel.JAVA);
    try (MemoryReader reader = open(drawn)) {
      reader.memory.begin(new int[3], 3, WordSearch.NONE);
      assertThatIllegalStateException()
          .isThrownBy(reader.memory::commit)
          .withMessageContaining("0 of 1");
    }
  }

  private static MemoryReader open(Case drawn) throws OrtException {
    return MemoryReader.inMemory(drawn.shape(), drawn.rotary(), drawn.config, drawn.kernel);
  }
}
