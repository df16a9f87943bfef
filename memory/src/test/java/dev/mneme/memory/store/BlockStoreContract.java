package dev.mneme.memory.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every float32 block store must do. */
interface BlockStoreContract {

  BlockShape SHAPE = new BlockShape(3, 5, 4);

  /** An odd number: what lies behind a representative must stay aligned. */
  int DIMENSION = 7;

  BlockStore.Factory TAILS = ArenaBlockStore.factory(BlockPrecision.FLOAT32);

  BlockStore open(BlockShape shape, int dimension);

  @Test
  default void givesBackWhatWasAppended() {
    int blocks = 300;
    Random random = new Random(5);
    float[][] keys = new float[blocks][];
    float[][] values = new float[blocks][];
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment key = arena.allocate(SHAPE.bytes(), 64);
      MemorySegment value = arena.allocate(SHAPE.bytes(), 64);
      for (int block = 0; block < blocks; block++) {
        keys[block] = fill(random, key);
        values[block] = fill(random, value);
        assertThat(store.append(key, value, vector(block))).isEqualTo(block);
        assertThat(store.size()).isEqualTo(block + 1);
      }
      for (int i = 0; i < 2 * blocks; i++) {
        int block = random.nextInt(blocks);
        int head = random.nextInt(SHAPE.kvHeads());
        MemorySegment headKey = key.asSlice(0, SHAPE.headBytes());
        MemorySegment headValue = value.asSlice(0, SHAPE.headBytes());
        store.readKeys(block, head, headKey);
        store.readValues(block, head, headValue);
        assertThat(headKey.toArray(ValueLayout.JAVA_FLOAT))
            .containsExactly(ofHead(keys[block], head));
        assertThat(headValue.toArray(ValueLayout.JAVA_FLOAT))
            .containsExactly(ofHead(values[block], head));
        float[] representative = new float[DIMENSION];
        store.readRepresentative(block, representative);
        assertThat(representative).containsExactly(vector(block));
      }
      assertThat(store.residentBytes()).isPositive();
    }
  }

  @Test
  default void reservesWithoutTouchingBlocks() {
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment block = arena.allocate(SHAPE.bytes(), 64);
      int[] expected = new int[20];
      for (int number = 0; number < expected.length; number++) {
        store.reserve(number % 7);
        expected[number] = number + 1;
        append(store, block, expected[number]);
        assertThat(store.size()).isEqualTo(number + 1);
      }
      store.reserve(100);
      assertThat(numbers(store)).containsExactly(expected);
    }
  }

  @Test
  default void refusesSegmentsOfAnotherSize() {
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment right = arena.allocate(SHAPE.bytes(), 64);
      MemorySegment wrong = arena.allocate(SHAPE.bytes() + 4, 64);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> store.append(right, wrong, vector(0)))
          .withMessage("values must have 240 bytes: 244");
      assertThat(store.size()).isZero();
      store.append(right, right, vector(0));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> store.readKeys(0, 0, right))
          .withMessage("a head must have 80 bytes: 240");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> store.append(right, right, new float[6]))
          .withMessage("a representative must have 7 channels: 6");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> store.readRepresentative(0, new float[8]))
          .withMessage("a representative must have 7 channels: 8");
    }
  }

  @Test
  default void refusesBlocksThatAreNotThere() {
    try (Arena arena = Arena.ofConfined();
        BlockStore store = open(SHAPE, DIMENSION)) {
      MemorySegment segment = arena.allocate(SHAPE.bytes(), 64);
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> store.readKeys(0, 0, segment))
          .withMessageContaining("block (0)");
      store.append(segment, segment, vector(0));
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> store.readValues(0, SHAPE.kvHeads(), segment))
          .withMessageContaining("head (3)");
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> store.readRepresentative(1, new float[DIMENSION]))
          .withMessageContaining("block (1)");
    }
  }

  @Test
  default void forksShareWhatWasThere() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(SHAPE.bytes(), 64);
      BlockStore store = open(SHAPE, DIMENSION);
      for (int number = 0; number < 5; number++) {
        append(store, block, number);
      }
      BlockStore fork = store.fork(TAILS);
      BlockStore ofFork = fork.fork(TAILS);
      append(store, block, 100);
      append(fork, block, 200);
      append(fork, block, 201);
      append(fork, block, 202);
      assertThat(numbers(store)).containsExactly(0, 1, 2, 3, 4, 100);
      assertThat(numbers(fork)).containsExactly(0, 1, 2, 3, 4, 200, 201, 202);
      assertThat(numbers(ofFork)).containsExactly(0, 1, 2, 3, 4);
      store.close();
      append(fork, block, 203);
      assertThat(numbers(fork)).containsExactly(0, 1, 2, 3, 4, 200, 201, 202, 203);
      fork.close();
      assertThat(numbers(ofFork)).containsExactly(0, 1, 2, 3, 4);
      ofFork.close();
    }
  }

  private static void append(BlockStore store, MemorySegment block, int number) {
    block.setAtIndex(ValueLayout.JAVA_FLOAT, 0, number);
    store.append(block, block, vector(number));
  }

  /** The first float of each block's values, each seen in all three ways of reading. */
  private static int[] numbers(BlockStore store) {
    int[] numbers = new int[store.size()];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(SHAPE.headBytes(), 64);
      MemorySegment encoded = arena.allocate(store.encodedBytes(), 64);
      float[] representative = new float[DIMENSION];
      for (int block = 0; block < numbers.length; block++) {
        store.prefetch(new int[] {block, numbers.length - 1});
        store.readValues(block, 0, values);
        store.readEncoded(block, encoded);
        store.readRepresentative(block, representative);
        float number = values.getAtIndex(ValueLayout.JAVA_FLOAT, 0);
        assertThat(encoded.getAtIndex(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(number);
        assertThat(representative[0]).isEqualTo(number);
        numbers[block] = (int) number;
      }
    }
    return numbers;
  }

  @Test
  default void isClosedOnce() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(SHAPE.bytes(), 64);
      BlockStore store = open(SHAPE, DIMENSION);
      store.append(segment, segment, vector(0));
      store.close();
      store.close();
      assertThatIllegalStateException().isThrownBy(() -> store.append(segment, segment, vector(0)));
      assertThatIllegalStateException().isThrownBy(() -> store.readKeys(0, 0, segment));
    }
  }

  static float[] vector(int block) {
    float[] vector = new float[DIMENSION];
    for (int i = 0; i < DIMENSION; i++) {
      vector[i] = block + i / 8f;
    }
    return vector;
  }

  private static float[] ofHead(float[] block, int head) {
    int floats = block.length / SHAPE.kvHeads();
    return Arrays.copyOfRange(block, head * floats, (head + 1) * floats);
  }

  private static float[] fill(Random random, MemorySegment segment) {
    float[] floats = new float[(int) (segment.byteSize() / Float.BYTES)];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = random.nextFloat();
    }
    MemorySegment.copy(floats, 0, segment, ValueLayout.JAVA_FLOAT, 0, floats.length);
    return floats;
  }
}
