package dev.mneme.memory.codec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.mneme.memory.block.BlockShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlockCodecTest {

  private static final BlockShape SHAPE = new BlockShape(3, 7, 20);
  private static final int HEAD = SHAPE.blockSize() * SHAPE.headDim();

  @ParameterizedTest
  @EnumSource
  void keepsEveryNumberWithinItsRounding(BlockPrecision precision) {
    for (long seed = 0; seed < 20; seed++) {
      float[] keys = numbers(seed);
      float[] values = numbers(seed + 100);
      Decoded decoded = roundTrip(precision, keys, values);
      for (int i = 0; i < keys.length; i++) {
        int head = i / HEAD;
        int token = i % HEAD / SHAPE.headDim();
        int channel = i % SHAPE.headDim();
        float keyBound =
            switch (precision) {
              case FLOAT32 -> 0;
              case FLOAT16 -> half(keys[i]);
              case INT8 -> largest(keys, head, -1, channel) / 254 * 1.001f;
            };
        float valueBound =
            switch (precision) {
              case FLOAT32 -> 0;
              case FLOAT16 -> half(values[i]);
              case INT8 -> largest(values, head, token, -1) / 254 * 1.001f;
            };
        assertThat(decoded.keys[i]).as("seed %s key %s", seed, i).isCloseTo(keys[i], by(keyBound));
        assertThat(decoded.values[i])
            .as("seed %s value %s", seed, i)
            .isCloseTo(values[i], by(valueBound));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void zerosStayZeros(BlockPrecision precision) {
    float[] zeros = new float[3 * HEAD];
    Decoded decoded = roundTrip(precision, zeros, zeros);
    assertThat(decoded.keys).containsOnly(0);
    assertThat(decoded.values).containsOnly(0);
  }

  @ParameterizedTest
  @EnumSource
  void servesSeveralThreadsAtOnce(BlockPrecision precision) {
    BlockCodec codec = precision.codec(SHAPE);
    IntStream.range(0, 2000)
        .parallel()
        .forEach(seed -> {
          float[] keys = numbers(seed);
          float[] values = numbers(seed + 100);
          Decoded alone = roundTrip(precision.codec(SHAPE), keys, values);
          Decoded together = roundTrip(codec, keys, values);
          assertThat(together.keys).containsExactly(alone.keys);
          assertThat(together.values).containsExactly(alone.values);
        });
  }

  @Test
  void whatFloat16CannotHoldBecomesItsLargest() {
    float[] keys = new float[3 * HEAD];
    keys[5] = 1e6f;
    keys[6] = -1e6f;
    assertThat(roundTrip(BlockPrecision.FLOAT16, keys, keys).keys)
        .contains(65_504, -65_504)
        .doesNotContain(Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY);
  }

  @Test
  void takesTheMemoryThatItPromises() {
    BlockShape shape = new BlockShape(3, 64, 64);
    long exact = BlockPrecision.FLOAT32.codec(shape).bytes();
    assertThat(exact).isEqualTo(2 * shape.bytes());
    assertThat(BlockPrecision.FLOAT16.codec(shape).bytes()).isEqualTo(exact / 2);
    assertThat(BlockPrecision.INT8.codec(shape).bytes())
        .isEqualTo(exact / 4 + 3 * (64 + 64) * Float.BYTES);
  }

  private static Offset<Float> by(float bound) {
    return within(bound);
  }

  /** Half a unit in the last place of binary16, subnormal numbers included. */
  private static float half(float number) {
    return Math.max(Math.abs(number) * 0x1p-11f, 0x1p-25f);
  }

  private static float largest(float[] numbers, int head, int token, int channel) {
    float largest = 0;
    for (int i = head * HEAD; i < (head + 1) * HEAD; i++) {
      boolean inToken = token < 0 || i % HEAD / SHAPE.headDim() == token;
      boolean inChannel = channel < 0 || i % SHAPE.headDim() == channel;
      largest = inToken && inChannel ? Math.max(largest, Math.abs(numbers[i])) : largest;
    }
    return largest;
  }

  /** Numbers of very different sizes, a channel in four an outlier. */
  private static float[] numbers(long seed) {
    Random random = new Random(seed);
    float[] numbers = new float[3 * HEAD];
    for (int i = 0; i < numbers.length; i++) {
      double size = i % 4 == 0 ? 40 : Math.pow(10, random.nextInt(6) - 4);
      numbers[i] = (float) (size * random.nextGaussian());
    }
    return numbers;
  }

  private static Decoded roundTrip(BlockPrecision precision, float[] keys, float[] values) {
    return roundTrip(precision.codec(SHAPE), keys, values);
  }

  private static Decoded roundTrip(BlockCodec codec, float[] keys, float[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(codec.bytes(), Long.BYTES);
      codec.encode(
          arena.allocateFrom(JAVA_FLOAT, keys), arena.allocateFrom(JAVA_FLOAT, values), block);
      float[] decodedKeys = new float[keys.length];
      float[] decodedValues = new float[values.length];
      MemorySegment headKeys = arena.allocate(SHAPE.headBytes(), Long.BYTES);
      MemorySegment headValues = arena.allocate(SHAPE.headBytes(), Long.BYTES);
      for (int head = 0; head < SHAPE.kvHeads(); head++) {
        codec.decodeKeys(block, head, headKeys);
        codec.decodeValues(block, head, headValues);
        MemorySegment.copy(headKeys, JAVA_FLOAT, 0, decodedKeys, head * HEAD, HEAD);
        MemorySegment.copy(headValues, JAVA_FLOAT, 0, decodedValues, head * HEAD, HEAD);
      }
      return new Decoded(decodedKeys, decodedValues);
    }
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record Decoded(float[] keys, float[] values) {}
}
