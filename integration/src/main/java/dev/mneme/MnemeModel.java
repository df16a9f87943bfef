package dev.mneme;

import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.ModelException;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.integration.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An existing ONNX language model with a memory around it: immutable, thread-safe, opened once.
 *
 * <p>A model is read with {@link #newSession() sessions}, any number of them at a time and from any
 * threads. Closing the model closes sessions that are still open.
 *
 * <pre>{@code
 * try (MnemeModel model = MnemeModel.builder(Path.of("model-folder")).open();
 *     MnemeSession session = model.newSession()) {
 *   session.append(book);
 *   session.append("\nQuestion: Who did it?\nAnswer:");
 *   session.generate(GenerationOptions.defaults()).forEachRemaining(System.out::print);
 * }
 * }</pre>
 */
public final class MnemeModel implements AutoCloseable {

  private final SegmentedModel model;
  private final Tokenizer tokenizer;
  private final MnemeConfig config;
  private final Set<MnemeSession> sessions = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  private MnemeModel(SegmentedModel model, Tokenizer tokenizer, MnemeConfig config) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.config = config;
  }

  /**
   * Prepares to open a model.
   *
   * @param model a folder with an ONNX model and its {@code tokenizer.json}, or the {@code .onnx}
   *     file in it
   */
  public static Builder builder(Path model) {
    return new Builder(model);
  }

  /** How to open a model. */
  public static final class Builder {

    private final Path path;
    private MnemeConfig config = MnemeConfig.defaults();

    private Builder(Path path) {
      this.path = path;
    }

    /** Sets the configuration; without it, the defaults hold. */
    public Builder config(MnemeConfig config) {
      this.config = config;
      return this;
    }

    /** Sets the configuration of the memory alone. */
    public Builder memory(MemoryConfig memory) {
      config = config.toBuilder().memory(memory).build();
      return this;
    }

    /**
     * Reads the graph, cuts it and opens its segments.
     *
     * @throws IOException if a file is missing, truncated or not what it should be
     * @throws UnsupportedModelException if the graph cannot be wrapped: the message names the node
     *     or property in the way
     * @throws ModelException if ONNX Runtime refuses the model
     * @throws IllegalArgumentException if the device is not available
     */
    public MnemeModel open() throws IOException {
      OnnxRuntime runtime = OnnxRuntime.open(Device.parse(config.device()), config.threads());
      ModelGraph graph = ModelGraph.read(path);
      Tokenizer tokenizer = Tokenizer.open(graph.folder());
      try {
        return new MnemeModel(SegmentedModel.open(graph, runtime), tokenizer, config);
      } catch (RuntimeException e) {
        tokenizer.close();
        throw e;
      }
    }
  }

  /** What was read from the model's graph. */
  public ModelGraph graph() {
    return model.graph();
  }

  /** What runs its sessions, for others that are to share its threads. */
  public OnnxRuntime runtime() {
    return model.runtime();
  }

  /** The model's tokenizer, closed with the model. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** The configuration it was opened with. */
  public MnemeConfig config() {
    return config;
  }

  /** Opens an empty session with the model's memory configuration. */
  public MnemeSession newSession() {
    return newSession(config.memory());
  }

  /** Opens an empty session with a memory configuration of its own. */
  public MnemeSession newSession(MemoryConfig memory) {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
    int chunk = memory.queryBlock() * Math.max(1, config.chunk() / memory.queryBlock());
    MemoryAttention attention = model.newMemory(memory, config.blockPrecision());
    MnemeSession session =
        new MnemeSession(this, new TokenReader(model, attention, chunk), memory, chunk);
    sessions.add(session);
    return session;
  }

  /** Bytes of one far block of all layers. */
  long blockBytes(MemoryConfig memory) {
    return model.blockBytes(memory, config.blockPrecision());
  }

  void forget(MnemeSession session) {
    sessions.remove(session);
  }

  /** Closes the sessions that are open, waiting for what they are doing, and frees the model. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      sessions.forEach(MnemeSession::close);
      model.close();
      tokenizer.close();
    }
  }
}
