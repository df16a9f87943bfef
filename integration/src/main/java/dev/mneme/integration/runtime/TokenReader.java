package dev.mneme.integration.runtime;

import static com.google.common.base.Preconditions.checkArgument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.Stage;
import dev.mneme.attention.TokenMatrices;
import dev.mneme.attention.TokenMatrix;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.integration.generation.LogLikelihood;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.Projection;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads tokens through the segments of a model and the memory of one session.
 *
 * <p>All tensors between segments are views of long-lived buffers, written in place by ONNX
 * Runtime. Not thread-safe; owns the memory it was given.
 */
public final class TokenReader implements AutoCloseable {

  /** Rows of logits at a time, which take 200 KB each with a vocabulary of 50,000. */
  private static final int LOGIT_ROWS = 64;

  private final SegmentedModel model;
  private final MemoryAttention memory;

  /** That memory, and those of layers that see a window only. */
  private final List<MemoryAttention> memories = new ArrayList<>();

  /** The memory of each layer. */
  private final MemoryAttention[] memoryOf;

  /** Its number among the layers of that memory. */
  private final int[] numberOf;

  private final @Nullable BlockFinder finder;
  private final int capacity;
  private final Arena arena = Arena.ofShared();
  private MemorySegment ids = MemorySegment.NULL;
  private MemorySegment logits = MemorySegment.NULL;
  private final List<MemorySegment> buffers = new ArrayList<>();
  private Views all;

  /** Of one token that is attended twice. */
  private final Views twins = new Views(0, 2);

  /**
   * Makes a reader.
   *
   * @param memory closed with this reader
   * @param finder finds blocks by the text, closed with this reader; null where keys do it alone
   * @param capacity most tokens of one {@link #read}
   */
  public TokenReader(
      SegmentedModel model, MemoryAttention memory, @Nullable BlockFinder finder, int capacity) {
    this(model, memory, model.newWindows(memory.config()), finder, capacity);
  }

  private TokenReader(
      SegmentedModel model,
      MemoryAttention memory,
      List<MemoryAttention> windows,
      @Nullable BlockFinder finder,
      int capacity) {
    checkArgument(capacity > 0, "capacity must be positive: %s", capacity);
    this.model = model;
    this.memory = memory;
    this.finder = finder;
    this.capacity = capacity;
    memories.add(memory);
    memories.addAll(windows);
    memoryOf = new MemoryAttention[model.graph().layers().size()];
    numberOf = new int[memoryOf.length];
    for (int group = 0; group < memories.size(); group++) {
      int number = 0;
      for (int layer : model.groups().get(group).layers()) {
        memoryOf[layer] = memories.get(group);
        numberOf[layer] = number++;
      }
    }
    all = new Views(0, 1);
  }

  /**
   * A reader of a {@linkplain MemoryAttention#fork fork} of the memory.
   *
   * @param tails opens the stores of blocks that the fork appends to blocks in files
   */
  public TokenReader fork(BlockStore.Factory tails) {
    return new TokenReader(
        model,
        memory.fork(tails),
        memories.stream().skip(1).map(window -> window.fork(tails)).toList(),
        finder == null ? null : finder.fork(),
        capacity);
  }

  /**
   * Writes what is not in the block stores, for {@link #restore}.
   *
   * @throws IOException if it cannot be written
   */
  public void save(StateOutput output) throws IOException {
    for (MemoryAttention each : memories) {
      each.save(output);
    }
  }

  /**
   * Reads what {@link #save} wrote; see {@link MemoryAttention#restore}.
   *
   * @throws IOException if it cannot be read
   */
  public void restore(StateInput input) throws IOException {
    for (MemoryAttention each : memories) {
      each.restore(input);
    }
  }

  /** Allocates the buffers when first needed. */
  private void allocate() {
    if (buffers.isEmpty()) {
      int rows = Math.max(capacity, twins.rows);
      ids = arena.allocate((long) rows * Long.BYTES, 64);
      logits = arena.allocate(twins.rows * logitBytes(), 64);
      for (int width : model.plan().widths()) {
        buffers.add(arena.allocate((long) rows * width * Float.BYTES, 64));
      }
    }
  }

  /** Bytes that memory and finder hold outside the heap, and the finder on it. */
  public long residentBytes() {
    return memories.stream().mapToLong(MemoryAttention::residentBytes).sum()
        + (finder == null ? 0 : finder.residentBytes());
  }

  /** The session's memory, of the layers that have far memory. */
  public MemoryAttention memory() {
    return memory;
  }

  /**
   * Reads tokens.
   *
   * @param tokens the text from its start, as ids within the vocabulary
   * @param from first index, inclusive
   * @param to last index, exclusive; at most {@code capacity} after {@code from}
   */
  public void read(int[] tokens, int from, int to) {
    read(tokens, from, to, (layer, output) -> {});
  }

  /** Reads tokens and shows what the attention of each layer gives. */
  void read(int[] tokens, int from, int to, SelfCheck.Observer observer) {
    begin(tokens, from, to);
    for (AttentionLayer layer : model.graph().layers()) {
      run(layer.index(), all);
      attend(layer);
      observer.attended(layer, buffer(layer.output()));
    }
    memories.forEach(MemoryAttention::commit);
  }

  /**
   * Reads one token and gives the logits of the one after it. Where the text is likely to repeat
   * what is in a block, the token is attended with that block at its place and near, and what
   * counts is the time in which the repetition is likelier.
   *
   * @param tokens the text from its start, as ids within the vocabulary
   * @param index of the token
   * @param to receives one float a vocabulary entry
   */
  public void next(int[] tokens, int index, float[] to) {
    begin(tokens, index, index + 1);
    int repeated = memory.repeated();
    boolean twice = repeated >= 0;
    Views views = twice ? twins : all;
    ids.setAtIndex(JAVA_LONG, 1, tokens[index]);
    for (AttentionLayer layer : model.graph().layers()) {
      run(layer.index(), views);
      attend(layer);
      if (twice) {
        attendNear(layer);
      }
    }
    run(model.graph().layers().size(), views);
    MemorySegment found = logitsOf(0);
    if (twice) {
      int token = tokens[repeated];
      MemorySegment near = logitsOf(1);
      if (LogLikelihood.of(near, token) > LogLikelihood.of(found, token)) {
        found = near;
      } else {
        memories.forEach(MemoryAttention::restoreFirst);
      }
    }
    MemorySegment.copy(found, JAVA_FLOAT, 0, to, 0, to.length);
    memories.forEach(MemoryAttention::commit);
  }

  /** Bytes of the logits of one token. */
  private long logitBytes() {
    return (long) model.graph().vocabularySize() * Float.BYTES;
  }

  private MemorySegment logitsOf(int row) {
    return logits.asSlice(row * logitBytes(), logitBytes());
  }

  private void begin(int[] tokens, int from, int to) {
    int count = to - from;
    checkArgument(
        count > 0 && count <= capacity, "tokens at once must be 1 to %s: %s", capacity, count);
    allocate();
    useRows(count);
    for (int i = 0; i < count; i++) {
      ids.setAtIndex(JAVA_LONG, i, tokens[from + i]);
    }
    BlockFinder finder = this.finder;
    memory.begin(
        tokens,
        to,
        finder == null
            ? WordSearch.NONE
            : (blocks, end, k) -> finder.search(tokens, blocks, end, k));
    memories.stream().skip(1).forEach(window -> window.begin(tokens, to, WordSearch.NONE));
    memory.clock().end(Stage.PLAN);
  }

  /**
   * Logits of the tokens after each of the last ones read, some rows at a time.
   *
   * @param rows receives the number of a token among those read last, from 0, and in its memory one
   *     float a vocabulary entry, which is overwritten afterwards
   */
  public void eachLogits(ObjIntConsumer<MemorySegment> rows) {
    long width = logitBytes();
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment tile = scratch.allocate(Math.min(all.rows, LOGIT_ROWS) * width, 64);
      for (int first = 0; first < all.rows; first += LOGIT_ROWS) {
        memory.clock().start();
        int count = Math.min(LOGIT_ROWS, all.rows - first);
        try (Views views = new Views(first, count, tile)) {
          run(model.graph().layers().size(), views);
        }
        for (int row = 0; row < count; row++) {
          rows.accept(tile.asSlice(row * width, width), first + row);
        }
      }
    }
  }

  private void attend(AttentionLayer layer) {
    MemoryAttention memory = memoryOf[layer.index()];
    memory.attend(numberOf[layer.index()], matrices(layer));
    endAttention(memory);
  }

  /** Attends the second row again. */
  private void attendNear(AttentionLayer layer) {
    MemoryAttention memory = memoryOf[layer.index()];
    memory.attendNear(numberOf[layer.index()], matrices(layer).from(1));
    endAttention(memory);
  }

  /** Counts what a memory of layers with a window took, which has a clock of its own. */
  private void endAttention(MemoryAttention attended) {
    if (attended != memory) {
      memory.clock().end(Stage.ATTENTION);
    }
  }

  private TokenMatrices matrices(AttentionLayer layer) {
    int queryWidth = layer.heads() * layer.headDim();
    int keyWidth = layer.kvHeads() * layer.headDim();
    TokenMatrix output = new TokenMatrix(buffer(layer.output()), queryWidth, 0);
    return switch (layer.projection()) {
      case Projection.Packed(String qkv) -> {
        MemorySegment packed = buffer(qkv);
        int width = queryWidth + 2 * keyWidth;
        yield new TokenMatrices(
            new TokenMatrix(packed, width, 0),
            new TokenMatrix(packed, width, queryWidth),
            new TokenMatrix(packed, width, queryWidth + keyWidth),
            output);
      }
      case Projection.Separate(String query, String key, String value) ->
          new TokenMatrices(
              new TokenMatrix(buffer(query), queryWidth, 0),
              new TokenMatrix(buffer(key), keyWidth, 0),
              new TokenMatrix(buffer(value), keyWidth, 0),
              output);
    };
  }

  private MemorySegment buffer(String tensor) {
    return buffers.get(model.plan().buffer(tensor));
  }

  private void run(int index, Views views) {
    Segment segment = model.graph().segments().get(index);
    try {
      model
          .session(index)
          .run(views.of(segment.inputs()), Set.of(), views.of(segment.outputs()))
          .close();
      memory.clock().end(Stage.SEGMENTS);
    } catch (OrtException e) {
      throw new ModelException("segment " + index + " failed: " + e.getMessage(), e);
    }
  }

  private void useRows(int rows) {
    if (all.rows != rows) {
      all.close();
      all = new Views(0, rows);
    }
  }

  /** Frees the buffers and the memory. */
  @Override
  public void close() {
    all.close();
    twins.close();
    try {
      memories.forEach(MemoryAttention::close);
    } finally {
      if (finder != null) {
        finder.close();
      }
      arena.close();
    }
  }

  /** Tensors over some rows of the buffers, made when first asked for. */
  private final class Views implements AutoCloseable {

    private final int first;
    private final int rows;
    private final @Nullable MemorySegment ownLogits;
    private final Map<String, OnnxTensor> tensors = new HashMap<>();
    private final Map<List<TensorSpec>, Map<String, OnnxTensor>> groups = new HashMap<>();

    /** Views of which the logits, of one row, are this reader's. */
    Views(int first, int rows) {
      this(first, rows, null);
    }

    Views(int first, int rows, @Nullable MemorySegment ownLogits) {
      this.first = first;
      this.rows = rows;
      this.ownLogits = ownLogits;
    }

    Map<String, OnnxTensor> of(List<TensorSpec> specs) {
      return groups.computeIfAbsent(specs, this::group);
    }

    private Map<String, OnnxTensor> group(List<TensorSpec> specs) {
      Map<String, OnnxTensor> group = new HashMap<>();
      for (TensorSpec spec : specs) {
        group.put(spec.name(), tensors.computeIfAbsent(spec.name(), name -> tensor(spec)));
      }
      return group;
    }

    private OnnxTensor tensor(TensorSpec spec) {
      OrtEnvironment environment = model.runtime().environment();
      try {
        if (spec.type() == DataType.INT64) {
          return OnnxTensor.createTensor(
              environment, window(ids, Long.BYTES).asLongBuffer(), new long[] {1, rows});
        }
        boolean isLogits = spec.name().equals(model.graph().logits());
        int width = spec.width();
        return OnnxTensor.createTensor(
            environment,
            (isLogits
                    ? bytes(logits(rows * (long) width * Float.BYTES))
                    : window(buffer(spec.name()), (long) width * Float.BYTES))
                .asFloatBuffer(),
            new long[] {1, rows, width});
      } catch (OrtException e) {
        throw new ModelException("cannot wrap " + spec.name() + ": " + e.getMessage(), e);
      }
    }

    private MemorySegment logits(long bytes) {
      MemorySegment own = ownLogits;
      return (own == null ? TokenReader.this.logits : own).asSlice(0, bytes);
    }

    private ByteBuffer window(MemorySegment memory, long rowBytes) {
      return bytes(memory.asSlice(first * rowBytes, rows * rowBytes));
    }

    private static ByteBuffer bytes(MemorySegment memory) {
      return memory.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
      tensors.values().forEach(OnnxTensor::close);
    }
  }
}
