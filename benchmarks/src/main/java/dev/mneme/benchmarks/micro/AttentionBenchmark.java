package dev.mneme.benchmarks.micro;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import com.google.common.base.Splitter;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.RotaryEmbedding;
import dev.mneme.attention.TokenMatrices;
import dev.mneme.attention.TokenMatrix;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.attention.simd.SimdAttentionKernel;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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
 * Attention of thirty layers, one after the other, over full working sets, choice of blocks and
 * all, by either kernel. The layers have read 8,192 tokens before; each call reads more of them in
 * all of them. What a single layer attends would stay in a processor's caches from one call to the
 * next, as it never does in a model, and so many calls would fit into a second that the choice of
 * blocks grew with the memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class AttentionBenchmark {

  private static final int READ_BEFORE = 8_192;
  private static final int CHUNK = 512;

  /** As many as SmolLM2-135M has. */
  private static final int LAYERS = 30;

  /** What computes attention. */
  @Param({"simd", "onnx"})
  private String kernel = "simd";

  /**
   * Query heads, key/value heads and channels of a head: SmolLM2-135M, Qwen2.5-0.5B, Llama-3.2-1B.
   */
  @Param({"9/3/64", "14/2/64", "32/8/64"})
  private String shape = "9/3/64";

  /** Tokens read together: an answer's, and a prompt's. */
  @Param({"1", "512"})
  private int tokens = CHUNK;

  private final Workers workers = new Workers(Runtime.getRuntime().availableProcessors(), true);
  private final Arena arena = Arena.ofShared();
  private AttentionKernel opened = kernel(new AttentionShape(1, 1, 2, 1));
  private MemoryAttention memory = memory(new AttentionShape(1, 1, 2, 1));

  /** Ids of which none occurs twice. */
  private int[] text = {};

  private TokenMatrices matrices = matrices(new AttentionShape(1, 1, 2, 1));

  /** Fills the working set. */
  @Setup
  public void fill() {
    memory.close();
    opened.close();
    int[] sizes = Splitter.on('/').splitToStream(shape).mapToInt(Integer::parseInt).toArray();
    AttentionShape real =
        new AttentionShape(sizes[0], sizes[1], sizes[2], (float) (1 / Math.sqrt(sizes[2])));
    opened = kernel(real);
    memory = memory(real);
    matrices = matrices(real);
    for (int read = 0; read < READ_BEFORE; read += CHUNK) {
      read(CHUNK);
    }
  }

  private AttentionKernel kernel(AttentionShape shape) {
    if (kernel.equals("simd")) {
      return new SimdAttentionKernel(workers);
    }
    try (SessionOptions options = new SessionOptions()) {
      options.setIntraOpNumThreads(workers.threads());
      return new OnnxAttentionKernel(OrtEnvironment.getEnvironment(), options, shape);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private MemoryAttention memory(AttentionShape shape) {
    double[] frequencies =
        IntStream.range(0, shape.headDim() / 2)
            .mapToDouble(i -> Math.pow(100_000, -2.0 * i / shape.headDim()))
            .toArray();
    return new MemoryAttention(
        shape,
        new RotaryEmbedding(frequencies, 1, false, 1),
        LAYERS,
        MemoryConfig.defaults(),
        opened,
        workers,
        ArenaBlockStore.factory(BlockPrecision.FLOAT32),
        ExactIndex::new);
  }

  private TokenMatrices matrices(AttentionShape shape) {
    int queryWidth = shape.heads() * shape.headDim();
    int keyWidth = shape.kvHeads() * shape.headDim();
    return new TokenMatrices(draw(queryWidth), draw(keyWidth), draw(keyWidth), draw(queryWidth));
  }

  private TokenMatrix draw(int width) {
    Random random = new Random(1);
    MemorySegment memory = arena.allocate((long) CHUNK * width * Float.BYTES, 64);
    for (long i = 0; i < (long) CHUNK * width; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return new TokenMatrix(memory, width, 0);
  }

  private void read(int count) {
    int end = memory.tokens() + count;
    if (text.length < end) {
      text = IntStream.range(0, 2 * end).toArray();
    }
    memory.begin(text, end, WordSearch.NONE);
    for (int layer = 0; layer < LAYERS; layer++) {
      memory.attend(layer, matrices);
    }
    memory.commit();
  }

  /** Frees everything. */
  @TearDown
  public void free() {
    memory.close();
    opened.close();
    workers.close();
    arena.close();
  }

  /** Reads tokens. */
  @Benchmark
  public void attend() {
    read(tokens);
  }
}
