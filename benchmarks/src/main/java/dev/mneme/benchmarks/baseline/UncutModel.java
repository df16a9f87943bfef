package dev.mneme.benchmarks.baseline;

import static com.google.common.base.Preconditions.checkArgument;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import dev.mneme.integration.graph.AttentionLayer;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.RotaryTable;
import dev.mneme.integration.runtime.ModelException;
import dev.mneme.integration.runtime.OnnxRuntime;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model as it was exported, with full attention over a key/value cache of a fixed capacity.
 *
 * <p>Past and present share their buffers, as onnxruntime-genai runs such models, so that a step
 * does not copy the cache; outputs are pinned. A bad result here would flatter the memory: this
 * class uses the fastest way that ONNX Runtime's Java API has. Not thread-safe.
 */
public final class UncutModel implements AutoCloseable {

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final int vocabulary;
  private final int capacity;
  private final String tokenInput;
  private final String logitsOutput;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment ids;
  private final MemorySegment ones;
  private final MemorySegment logits;
  private final Map<String, OnnxTensor> past = new HashMap<>();
  private final Map<String, OnnxTensor> present = new HashMap<>();
  private int tokens;
  private int lastRows;

  private UncutModel(
      ModelGraph graph, OnnxRuntime runtime, ModelProto model, int capacity, int chunk) {
    environment = runtime.environment();
    this.capacity = capacity;
    vocabulary = graph.vocabularySize();
    tokenInput = graph.tokenInput();
    logitsOutput = graph.logits();
    ids = arena.allocate((long) chunk * Long.BYTES, 64);
    ones = arena.allocate((long) capacity * Long.BYTES, 64);
    for (int i = 0; i < capacity; i++) {
      ones.setAtIndex(JAVA_LONG, i, 1);
    }
    logits = arena.allocate((long) chunk * vocabulary * Float.BYTES, 64);
    session = runtime.openAlone(graph.onnxFile().toString(), model.toByteArray(), graph.folder());
    List<NodeProto> attention =
        model.getGraph().getNodeList().stream().filter(UncutModel::isAttention).toList();
    for (int i = 0; i < attention.size(); i++) {
      shareCache(attention.get(i), graph.layers().get(i));
    }
  }

  /**
   * Opens a model. Where a text may be longer than its rotation tables, the tables are continued:
   * the model then runs beyond the lengths that it was trained for.
   *
   * @param capacity most tokens of a text
   * @param chunk most tokens of one {@link #read}; logits of all of them are computed, as exported
   * @throws IOException if the model's file cannot be read
   */
  public static UncutModel open(ModelGraph graph, OnnxRuntime runtime, int capacity, int chunk)
      throws IOException {
    try (InputStream in = Files.newInputStream(graph.onnxFile())) {
      ModelProto.Builder model = ModelProto.parseFrom(in).toBuilder();
      continueRotation(model.getGraphBuilder(), graph.layers(), capacity);
      return new UncutModel(graph, runtime, model.build(), capacity, chunk);
    }
  }

  private static boolean isAttention(NodeProto node) {
    return node.getOpType().equals("GroupQueryAttention");
  }

  /** Makes the tables that attention nodes read (inputs 7 and 8) at least {@code rows} long. */
  private static void continueRotation(
      GraphProto.Builder graph, List<AttentionLayer> layers, int rows) {
    Map<String, RotaryTable> cosines = new HashMap<>();
    Map<String, RotaryTable> sines = new HashMap<>();
    int layer = 0;
    for (NodeProto node : graph.getNodeList()) {
      if (isAttention(node)) {
        RotaryTable table = layers.get(layer++).rotary();
        if (node.getInputCount() > 8) {
          cosines.put(node.getInput(7), table);
          sines.put(node.getInput(8), table);
        }
      }
    }
    for (TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
      boolean cosine = cosines.containsKey(tensor.getName());
      RotaryTable table = (cosine ? cosines : sines).get(tensor.getName());
      if (table != null && tensor.getDims(0) < rows) {
        tensor
            .clearExternalData()
            .clearDataLocation()
            .setDims(0, rows)
            .setRawData(rotation(table, rows, cosine));
      }
    }
  }

  private static ByteString rotation(RotaryTable table, int rows, boolean cosine) {
    double[] frequencies = table.inverseFrequencies();
    ByteBuffer bytes =
        ByteBuffer.allocate(rows * frequencies.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < rows; row++) {
      for (double frequency : frequencies) {
        double angle = row * frequency;
        bytes.putFloat((float) (table.magnitude() * (cosine ? Math.cos(angle) : Math.sin(angle))));
      }
    }
    return ByteString.copyFrom(bytes.flip());
  }

  /** Gives past and present of a layer one buffer: inputs 3 and 4, outputs 1 and 2. */
  private void shareCache(NodeProto node, AttentionLayer layer) {
    for (int side = 0; side < 2; side++) {
      long[] shape = {1, layer.kvHeads(), capacity, layer.headDim()};
      FloatBuffer cache = floats(arena.allocate(shape[1] * shape[2] * shape[3] * Float.BYTES, 64));
      try {
        OnnxTensor tensor = OnnxTensor.createTensor(environment, cache, shape);
        past.put(node.getInput(3 + side), tensor);
        present.put(node.getOutput(1 + side), tensor);
      } catch (OrtException e) {
        throw new ModelException("cannot wrap a cache: " + e.getMessage(), e);
      }
    }
  }

  /** Number of tokens read. */
  public int tokens() {
    return tokens;
  }

  /** Forgets what was read. */
  public void clear() {
    tokens = 0;
  }

  /** Reads the tokens from {@code from} inclusive to {@code to} exclusive in one run. */
  public void read(int[] text, int from, int to) {
    int rows = to - from;
    checkArgument(
        tokens + rows <= capacity,
        "the uncut model holds at most %s tokens: %s read, %s more",
        capacity,
        tokens,
        rows);
    for (int i = 0; i < rows; i++) {
      ids.setAtIndex(JAVA_LONG, i, text[from + i]);
    }
    int total = tokens + rows;
    try (OnnxTensor input = tensor(longs(ids, rows), 1, rows);
        OnnxTensor mask = tensor(longs(ones, total), 1, total);
        OnnxTensor output =
            OnnxTensor.createTensor(
                environment,
                floats(logits.asSlice(0, (long) rows * vocabulary * Float.BYTES)),
                new long[] {1, rows, vocabulary})) {
      Map<String, OnnxTensor> inputs = new HashMap<>(past);
      inputs.put(tokenInput, input);
      if (session.getInputNames().contains("attention_mask")) {
        inputs.put("attention_mask", mask);
      }
      Map<String, OnnxTensor> outputs = new HashMap<>(present);
      outputs.put(logitsOutput, output);
      session.run(inputs, Set.of(), outputs).close();
    } catch (OrtException e) {
      throw new ModelException("the uncut model failed: " + e.getMessage(), e);
    }
    tokens = total;
    lastRows = rows;
  }

  /** Logits of the token after the last one read, one float a vocabulary entry. */
  public void logits(float[] to) {
    MemorySegment.copy(
        logits, JAVA_FLOAT, (long) (lastRows - 1) * vocabulary * Float.BYTES, to, 0, vocabulary);
  }

  /**
   * Logits of the token after one of those read last.
   *
   * @param row number among them, from 0
   * @return one float a vocabulary entry, until tokens are read again
   */
  public MemorySegment logits(int row) {
    long bytes = (long) vocabulary * Float.BYTES;
    return logits.asSlice(row * bytes, bytes);
  }

  private OnnxTensor tensor(LongBuffer values, long... shape) throws OrtException {
    return OnnxTensor.createTensor(environment, values, shape);
  }

  private static LongBuffer longs(MemorySegment memory, int count) {
    return memory
        .asSlice(0, (long) count * Long.BYTES)
        .asByteBuffer()
        .order(ByteOrder.nativeOrder())
        .asLongBuffer();
  }

  private static FloatBuffer floats(MemorySegment memory) {
    return memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  @Override
  public void close() {
    past.values().forEach(OnnxTensor::close);
    try {
      session.close();
    } catch (OrtException e) {
      throw new ModelException("cannot close the uncut model: " + e.getMessage(), e);
    }
    arena.close();
  }
}
