package dev.mneme.benchmarks.micro;

import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.codec.BlockCodec;
import dev.mneme.memory.codec.BlockPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Blocks of SmolLM2-135M (64 tokens, three key/value heads of 64 channels) written and read back. A
 * token of an answer reads at most eight blocks a layer, when its choice has nothing in common with
 * the one before.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class CodecBenchmark {

  private static final BlockShape SHAPE = new BlockShape(3, 64, 64);

  @Param private BlockPrecision precision = BlockPrecision.FLOAT32;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment keys = arena.allocate(SHAPE.bytes(), 64);
  private final MemorySegment values = arena.allocate(SHAPE.bytes(), 64);
  private final MemorySegment headKeys = arena.allocate(SHAPE.headBytes(), 64);
  private final MemorySegment headValues = arena.allocate(SHAPE.headBytes(), 64);
  private BlockCodec codec = precision.codec(SHAPE);
  private MemorySegment encoded = MemorySegment.NULL;

  /** Draws a block. */
  @Setup
  public void draw() {
    Random random = new Random(1);
    for (long i = 0; i < SHAPE.bytes() / Float.BYTES; i++) {
      keys.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    codec = precision.codec(SHAPE);
    encoded = arena.allocate(codec.bytes(), 64);
    codec.encode(keys, values, encoded);
  }

  /** Frees the block. */
  @TearDown
  public void free() {
    arena.close();
  }

  /** Writes a block. */
  @Benchmark
  public void encode() {
    codec.encode(keys, values, encoded);
  }

  /** Reads all heads of a block. */
  @Benchmark
  public void decode() {
    for (int head = 0; head < SHAPE.kvHeads(); head++) {
      codec.decodeKeys(encoded, head, headKeys);
      codec.decodeValues(encoded, head, headValues);
    }
  }
}
