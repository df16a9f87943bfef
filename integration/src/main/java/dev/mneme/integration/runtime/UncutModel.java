package dev.mneme.integration.runtime;

import static com.google.common.base.Preconditions.checkArgument;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.CacheTensor;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.ModelInput;
import dev.mneme.integration.graph.ModelInput.Meaning;
import dev.mneme.integration.graph.UnsupportedModelException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model as it was exported, in whichever form its attention is written, with full attention over
 * the graph's own key/value cache: what a cut model is compared with.
 *
 * <p>It runs in the fastest way that ONNX Runtime's Java API has, as anything slower would flatter
 * the memory. Its threads are its own and wait actively while it runs. Where the attention operator
 * can write new keys and values behind those that it has, past and present share a buffer of the
 * whole capacity, as onnxruntime-genai runs such models, so that a step does not copy the cache.
 * Where the graph itself copies the cache, what one run returns is handed to the next as it is. The
 * cache has the graph's element type; logits are float32, converted within the graph where need be,
 * and written into memory of this object. Not thread-safe.
 */
public final class UncutModel implements AutoCloseable {

  /** Of an input of numbers: sequences, of which there is one, and tokens. */
  private static final int MOST_AXES = 2;

  private final ModelGraph graph;
  private final OnnxRuntime runtime;
  private final int capacity;
  private final int chunk;
  private final OrtSession session;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment ids;
  private final List<Numbers> numbers = new ArrayList<>();
  private final Map<String, Rows> outputs = new HashMap<>();

  /** Caches before anything was read, by the names of the inputs. */
  private final Map<String, OnnxTensor> empty = new HashMap<>();

  /** Caches as they are. */
  private final Map<String, OnnxTensor> past = new HashMap<>();

  /** Caches that are written in place, by the names of the outputs. */
  private final Map<String, OnnxTensor> inPlace = new HashMap<>();

  /** Outputs of the other caches, each with the input that it is for the next run. */
  private final Map<String, String> handedOn = new HashMap<>();

  /** Owns what was handed on. */
  private OrtSession.@Nullable Result last;

  private int tokens;
  private int lastRows;

  private UncutModel(
      ModelGraph graph,
      OnnxRuntime runtime,
      int length,
      int capacity,
      int chunk,
      List<AttentionLayer> observed)
      throws IOException {
    checkArgument(
        chunk > 0 && capacity > 0, "capacity and chunk must be positive: %s, %s", capacity, chunk);
    graph.otherInputs().forEach(UncutModel::check);
    this.graph = graph;
    this.runtime = runtime;
    this.capacity = capacity;
    this.chunk = chunk;
    byte[] model = graph.uncut(length, observed).toByteArray();
    session = runtime.openAlone(graph.onnxFile().toString(), model, graph.folder());
    ids = arena.allocate((long) chunk * Long.BYTES, 64);
    try {
      graph.otherInputs().forEach(input -> numbers.add(new Numbers(input)));
      addOutput(graph.logits(), graph.vocabularySize());
      observed.forEach(layer -> addOutput(layer.output(), layer.heads() * layer.headDim()));
      graph.layers().forEach(layer -> layer.cache().tensors().forEach(this::addCache));
      past.putAll(empty);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Opens a model. Where a text may be longer than its tables of rotation, the tables are
   * continued: the model then runs beyond the lengths that it was trained for.
   *
   * @param capacity most tokens of a text
   * @param chunk most tokens of one {@link #read}; logits of all of them are computed, as exported
   * @throws IOException if the model's file cannot be read
   * @throws UnsupportedModelException if the graph has an input that is neither token ids nor a
   *     cache nor numbers of a known meaning
   */
  public static UncutModel open(ModelGraph graph, OnnxRuntime runtime, int capacity, int chunk)
      throws IOException {
    return new UncutModel(graph, runtime, capacity, capacity, chunk, List.of());
  }

  /**
   * Opens a model whose layers' attention can be seen.
   *
   * @param length tokens of the texts that it is to rotate as if it read them
   * @param tokens most tokens of a text and of one {@link #read}
   */
  static UncutModel observed(ModelGraph graph, OnnxRuntime runtime, int length, int tokens)
      throws IOException {
    return new UncutModel(graph, runtime, length, tokens, tokens, graph.layers());
  }

  private static void check(ModelInput input) {
    boolean known =
        switch (input.type()) {
          case INT64, INT32, BOOL, FLOAT, FLOAT16 -> input.rank() <= MOST_AXES;
          default -> false;
        };
    if (!known) {
      throw new UnsupportedModelException(
          "input '%s' is %s of rank %d, supported to run the model uncut are masks and positions of rank 2"
              .formatted(input.name(), input.type(), input.rank()));
    }
  }

  private void addOutput(String name, int width) {
    outputs.put(name, new Rows(arena.allocate((long) chunk * width * Float.BYTES, 64), width));
  }

  private void addCache(CacheTensor cache) {
    OnnxJavaType type = type(cache.past(), cache.type());
    long[] shape = cache.shape(cache.inPlace() ? capacity : 0);
    long bytes = Arrays.stream(shape).reduce(type.size, Math::multiplyExact);
    OnnxTensor tensor = tensor(arena.allocate(bytes, 64), type, shape);
    empty.put(cache.past(), tensor);
    if (cache.inPlace()) {
      inPlace.put(cache.present(), tensor);
    } else {
      handedOn.put(cache.present(), cache.past());
    }
  }

  private static OnnxJavaType type(String input, DataType type) {
    return switch (type) {
      case FLOAT -> OnnxJavaType.FLOAT;
      case FLOAT16 -> OnnxJavaType.FLOAT16;
      case BFLOAT16 -> OnnxJavaType.BFLOAT16;
      case INT64 -> OnnxJavaType.INT64;
      case INT32 -> OnnxJavaType.INT32;
      case BOOL -> OnnxJavaType.BOOL;
      default ->
          throw new UnsupportedModelException(
              "input '%s' is %s, supported to run the model uncut is a cache of FLOAT, FLOAT16 or BFLOAT16"
                  .formatted(input, type));
    };
  }

  /** A tensor over memory, which stays where it is as long as the tensor is in use. */
  private OnnxTensor tensor(MemorySegment memory, OnnxJavaType type, long... shape) {
    try {
      return OnnxTensor.createTensor(
          runtime.environment(), memory.asByteBuffer().order(ByteOrder.nativeOrder()), shape, type);
    } catch (OrtException e) {
      throw new ModelException(
          "cannot wrap a tensor of %s: %s".formatted(Arrays.toString(shape), e.getMessage()), e);
    }
  }

  /** Number of tokens read. */
  public int tokens() {
    return tokens;
  }

  /** Forgets what was read. */
  public void clear() {
    tokens = 0;
    past.putAll(empty);
    keep(null);
  }

  /**
   * Reads tokens in one run.
   *
   * @param text ids within the vocabulary
   * @param from first index, inclusive
   * @param to last index, exclusive; at most a chunk after {@code from}
   * @throws IllegalArgumentException if there are more tokens than a chunk has or the capacity
   *     leaves
   */
  public void read(int[] text, int from, int to) {
    int count = to - from;
    checkArgument(count > 0 && count <= chunk, "tokens at once must be 1 to %s: %s", chunk, count);
    checkArgument(
        tokens + count <= capacity,
        "the uncut model holds at most %s tokens: %s read, %s more",
        capacity,
        tokens,
        count);
    for (int i = 0; i < count; i++) {
      ids.setAtIndex(JAVA_LONG, i, text[from + i]);
    }
    Map<String, OnnxTensor> views = new HashMap<>();
    try {
      views.put(
          graph.tokenInput(),
          tensor(ids.asSlice(0, (long) count * Long.BYTES), OnnxJavaType.INT64, 1, count));
      numbers.forEach(each -> views.put(each.input.name(), each.tensor(tokens, count)));
      Map<String, OnnxTensor> inputs = new HashMap<>(past);
      inputs.putAll(views);
      Map<String, OnnxTensor> pinned = new HashMap<>(inPlace);
      outputs.forEach((name, rows) -> {
        OnnxTensor view = tensor(rows.first(count), OnnxJavaType.FLOAT, 1, count, rows.width);
        views.put(name, view);
        pinned.put(name, view);
      });
      handOn(session.run(inputs, handedOn.keySet(), pinned));
    } catch (OrtException e) {
      throw new ModelException("the uncut model failed: " + e.getMessage(), e);
    } finally {
      views.values().forEach(OnnxTensor::close);
    }
    tokens += count;
    lastRows = count;
  }

  private void handOn(OrtSession.Result result) {
    handedOn.forEach(
        (output, input) -> past.put(input, (OnnxTensor) result.get(output).orElseThrow()));
    keep(result);
  }

  /** Frees what the run before the last handed on. */
  private void keep(OrtSession.@Nullable Result result) {
    if (last != null) {
      last.close();
    }
    last = result;
  }

  /** Logits of the token after the last one read, one float a vocabulary entry. */
  public void logits(float[] to) {
    MemorySegment.copy(logits(lastRows - 1), JAVA_FLOAT, 0, to, 0, graph.vocabularySize());
  }

  /**
   * Logits of the token after one of those read last.
   *
   * @param row number among them, from 0
   * @return one float a vocabulary entry, until tokens are read again
   */
  public MemorySegment logits(int row) {
    long bytes = (long) graph.vocabularySize() * Float.BYTES;
    return rows(graph.logits()).asSlice(row * bytes, bytes);
  }

  /**
   * Rows of the tokens read last, until tokens are read again.
   *
   * @param output the logits, or the attention's output of a layer if it is observed
   */
  MemorySegment rows(String output) {
    return requireNonNull(outputs.get(output), output).first(lastRows);
  }

  @Override
  public void close() {
    keep(null);
    empty.values().forEach(OnnxTensor::close);
    try {
      session.close();
    } catch (OrtException e) {
      throw new ModelException("cannot close the uncut model: " + e.getMessage(), e);
    } finally {
      arena.close();
    }
  }

  /**
   * An output with one row of floats a token.
   *
   * @param memory room for a chunk
   * @param width floats a token
   */
  private record Rows(MemorySegment memory, int width) {

    MemorySegment first(int count) {
      return memory.asSlice(0, (long) count * width * Float.BYTES);
    }
  }

  /** An input of numbers about the tokens, in its own element type. */
  private final class Numbers {

    private final ModelInput input;
    private final OnnxJavaType type;
    private final MemorySegment memory;

    Numbers(ModelInput input) {
      this.input = input;
      type = type(input.name(), input.type());
      int most =
          switch (input.meaning()) {
            case MASK -> capacity;
            case POSITIONS -> chunk;
            case LAST_POSITION, TOTAL -> 1;
          };
      memory = arena.allocate((long) most * type.size, 64);
      if (input.meaning() == Meaning.MASK) {
        for (int i = 0; i < capacity; i++) {
          set(i, 1);
        }
      }
    }

    /** What it is when {@code count} tokens are read after others. */
    OnnxTensor tensor(int before, int count) {
      int size =
          switch (input.meaning()) {
            case MASK -> before + count;
            case POSITIONS -> {
              for (int i = 0; i < count; i++) {
                set(i, before + i);
              }
              yield count;
            }
            case LAST_POSITION -> {
              set(0, before + count - 1);
              yield 1;
            }
            case TOTAL -> {
              set(0, before + count);
              yield 1;
            }
          };
      long[] shape = new long[input.rank()];
      Arrays.fill(shape, 1);
      if (shape.length > 0) {
        shape[shape.length - 1] = size;
      }
      return UncutModel.this.tensor(memory.asSlice(0, (long) size * type.size), type, shape);
    }

    private void set(int index, int value) {
      switch (type) {
        case INT64 -> memory.setAtIndex(JAVA_LONG, index, value);
        case INT32 -> memory.setAtIndex(JAVA_INT, index, value);
        case BOOL -> memory.setAtIndex(JAVA_BYTE, index, (byte) value);
        case FLOAT16 -> memory.setAtIndex(JAVA_SHORT, index, Float.floatToFloat16(value));
        default -> memory.setAtIndex(JAVA_FLOAT, index, value);
      }
    }
  }
}
