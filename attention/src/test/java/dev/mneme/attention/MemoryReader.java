package dev.mneme.attention;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.attention.simd.SimdAttentionKernel;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockStore;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Feeds a text to a memory of one layer, queries, keys and values packed in one matrix. */
final class MemoryReader implements AutoCloseable {

  private static final Workers WORKERS = new Workers(2, false);

  final AttentionKernel kernel;
  final MemoryAttention memory;
  private final AttentionShape shape;

  /** What computes attention. */
  enum Kernel {
    JAVA,
    ONNX,
    SIMD;

    AttentionKernel open(AttentionShape shape) throws OrtException {
      return switch (this) {
        case JAVA -> new JavaAttentionKernel();
        case SIMD -> new SimdAttentionKernel(WORKERS);
        case ONNX -> {
          try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            yield new OnnxAttentionKernel(OrtEnvironment.getEnvironment(), options, shape);
          }
        }
      };
    }
  }

  /** Opens an empty memory. */
  MemoryReader(
      AttentionShape shape,
      RotaryEmbedding rotary,
      MemoryConfig config,
      Kernel kernel,
      BlockStore.Factory stores)
      throws OrtException {
    this.shape = shape;
    this.kernel = kernel.open(shape);
    memory =
        new MemoryAttention(
            shape, rotary, 1, config, this.kernel, WORKERS, stores, ExactIndex::new);
  }

  /** Opens an empty memory whose blocks are kept in memory. */
  static MemoryReader inMemory(
      AttentionShape shape, RotaryEmbedding rotary, MemoryConfig config, Kernel kernel)
      throws OrtException {
    return new MemoryReader(
        shape, rotary, config, kernel, ArenaBlockStore.factory(BlockPrecision.FLOAT32));
  }

  List<Integer> chosen() {
    return Arrays.stream(memory.choice(0).blocks()).boxed().toList();
  }

  List<float[]> read(RandomText text, int from, int to) {
    int queryWidth = shape.heads() * shape.headDim();
    int keyWidth = shape.kvHeads() * shape.headDim();
    int width = queryWidth + 2 * keyWidth;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment packed = arena.allocate((long) (to - from) * width * Float.BYTES, 64);
      for (int token = from; token < to; token++) {
        long at = (long) (token - from) * width * Float.BYTES;
        put(packed, at, text.queries[token]);
        put(packed, at + 4L * queryWidth, text.keys[token]);
        put(packed, at + 4L * (queryWidth + keyWidth), text.values[token]);
      }
      MemorySegment output = arena.allocate((long) (to - from) * queryWidth * Float.BYTES, 64);
      TokenMatrix queries = new TokenMatrix(packed, width, 0);
      TokenMatrices matrices =
          new TokenMatrices(
              queries,
              new TokenMatrix(packed, width, queryWidth),
              new TokenMatrix(packed, width, queryWidth + keyWidth),
              new TokenMatrix(output, queryWidth, 0));
      memory.begin(text.ids, to, WordSearch.NONE);
      memory.attend(0, matrices);
      if (memory.repeated() >= 0) {
        if (Oracle.keepsNear(from)) {
          memory.attendNear(0, matrices);
        } else {
          TokenMatrix ignored = new TokenMatrix(arena.allocate(4L * queryWidth, 64), queryWidth, 0);
          memory.attendNear(0, new TokenMatrices(queries, queries, queries, ignored));
          memory.restoreFirst();
        }
      }
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
