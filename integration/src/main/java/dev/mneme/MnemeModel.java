package dev.mneme;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import com.google.common.base.Suppliers;
import dev.mneme.attention.MemoryAttention;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.attention.Words;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.UnsupportedModelException;
import dev.mneme.integration.importer.CheckedModels;
import dev.mneme.integration.runtime.BlockFinder;
import dev.mneme.integration.runtime.BlockWords;
import dev.mneme.integration.runtime.BuildVersion;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.ModelException;
import dev.mneme.integration.runtime.ModelFingerprint;
import dev.mneme.integration.runtime.OnnxRuntime;
import dev.mneme.integration.runtime.SegmentedModel;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.integration.runtime.TokenReader;
import dev.mneme.integration.text.ChatTemplate;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.file.Manifest;
import dev.mneme.memory.file.MemoryFolder;
import dev.mneme.memory.file.MemoryFolder.Access;
import dev.mneme.memory.file.RecordFile;
import dev.mneme.memory.index.CodeSpace;
import dev.mneme.memory.store.ArenaBlockStore;
import dev.mneme.memory.store.BlockCache;
import dev.mneme.memory.store.BlockStore;
import dev.mneme.memory.store.FolderStores;
import dev.mneme.memory.store.NativeHeap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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

  /** One part in so many of a budget is left to what finds the blocks. */
  private static final int FINDING_SHARE = 4;

  private final SegmentedModel model;
  private final Tokenizer tokenizer;
  private final MnemeConfig config;
  private final Set<MnemeSession> sessions = ConcurrentHashMap.newKeySet();
  private final CodeSpace codes;
  private final Map<Long, BlockCache> caches = new HashMap<>();
  private @Nullable Map<String, String> fingerprint;
  private volatile boolean closed;

  private MnemeModel(SegmentedModel model, Tokenizer tokenizer, MnemeConfig config) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.config = config;
    codes =
        config.maxResidentBytes() == 0
            ? CodeSpace.inMemory()
            : CodeSpace.bounded(config.maxResidentBytes() / FINDING_SHARE, workingFolder());
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
    private @Nullable Path tokenizerFile;

    private Builder(Path path) {
      this.path = path;
    }

    /** Sets the tokenizer's file or its folder; without it, it is looked for beside the model. */
    public Builder tokenizer(Path folderOrFile) {
      tokenizerFile = folderOrFile;
      return this;
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
      OnnxRuntime runtime =
          OnnxRuntime.open(
              Device.parse(config.device()), config.threads(), config.spinning(), config.kernel());
      ModelGraph graph = ModelGraph.read(path);
      Tokenizer tokenizer = Tokenizer.open(tokenizerFile == null ? graph.folder() : tokenizerFile);
      try {
        SegmentedModel model = SegmentedModel.open(graph, runtime);
        try {
          check(model);
        } catch (IOException | RuntimeException e) {
          model.close();
          throw e;
        }
        NativeHeap.trim();
        return new MnemeModel(model, tokenizer, config);
      } catch (IOException | RuntimeException e) {
        tokenizer.close();
        throw e;
      }
    }

    private void check(SegmentedModel model) throws IOException {
      if (config.selfCheck() == SelfCheck.When.NEVER) {
        return;
      }
      CheckedModels entry = CheckedModels.entry(model.graph(), BuildVersion.text());
      if (config.selfCheck() == SelfCheck.When.ALWAYS || !entry.isChecked()) {
        SelfCheck.compare(model);
        entry.add();
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

  /**
   * Reads the model's chat template, which is beside its tokenizer.
   *
   * @throws IOException if there is none or a file cannot be understood; the message names the
   *     folder or the file
   */
  public ChatTemplate chatTemplate() throws IOException {
    return ChatTemplate.read(tokenizer.file().toAbsolutePath().resolveSibling(""));
  }

  /** The configuration it was opened with. */
  public MnemeConfig config() {
    return config;
  }

  /** Opens an empty session with the model's memory configuration. */
  public MnemeSession newSession() {
    return newSession(config.memory());
  }

  /**
   * Opens an empty session with a memory configuration of its own.
   *
   * @throws UncheckedIOException if the configuration has a budget of resident bytes and the
   *     working folder cannot be written
   */
  public MnemeSession newSession(MemoryConfig memory) {
    return opened(memory, words(memory));
  }

  /**
   * Opens an empty session that finds blocks in another way too.
   *
   * @param memory says how what both find is fused: its {@code words} must not be {@code NONE}
   * @param finder takes the place of the words; closed with the session
   * @throws IllegalArgumentException if the configuration does not let it count
   */
  public MnemeSession newSession(MemoryConfig memory, BlockFinder finder) {
    checkArgument(memory.words() != Words.NONE, "memory.words must not be none beside a finder");
    return opened(memory, finder);
  }

  private MnemeSession opened(MemoryConfig memory, @Nullable BlockFinder finder) {
    checkOpen();
    BlockPrecision precision = config.blockPrecision();
    MemoryAttention attention =
        model.newMemory(
            memory, ownStores(memory, precision), config.index().in(codes, model.workers()));
    return opened(memory, precision, attention, finder, null);
  }

  /** Finds blocks by words where the configuration says so. */
  private @Nullable BlockFinder words(MemoryConfig memory) {
    return memory.words() == Words.NONE ? null : new BlockWords(tokenizer, memory);
  }

  /** Stores in a new folder of the working folder. */
  private FolderStores temporary(MemoryConfig memory, BlockPrecision precision) {
    // Before there is a folder: a budget that is too small is refused here.
    BlockCache cache = cache(memory, precision);
    try {
      MemoryFolder folder =
          MemoryFolder.createTemporary(workingFolder(), emptyManifest(memory, precision));
      return new FolderStores(folder, precision, cache, true, ownStores(memory, precision));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot keep blocks in files: " + e.getMessage(), e);
    }
  }

  private Path workingFolder() {
    return Path.of(
        config.workingFolder().isEmpty()
            ? System.getProperty("java.io.tmpdir")
            : config.workingFolder());
  }

  /**
   * Opens the stores of a session without a folder of its own, or of what a fork or a reader of a
   * folder appends: in memory, or with a budget in one new folder, made with the first of them.
   */
  BlockStore.Factory ownStores(MemoryConfig memory, BlockPrecision precision) {
    if (config.maxResidentBytes() == 0) {
      return ArenaBlockStore.factory(precision);
    }
    Supplier<FolderStores> stores = Suppliers.memoize(() -> temporary(memory, precision));
    return (layer, shape, dimension) -> stores.get().open(layer, shape, dimension);
  }

  /**
   * Opens an empty session whose memory is kept in a folder and outlives the process: what was
   * committed is found there by {@link #restore}. See {@link MnemeSession#save()} and {@link
   * MnemeConfig#commitTokens()}.
   *
   * @param folder absent or empty
   * @throws IOException if it cannot be written or is not empty
   */
  public MnemeSession newSession(Path folder) throws IOException {
    checkOpen();
    MemoryConfig memory = config.memory();
    BlockPrecision precision = config.blockPrecision();
    BlockCache cache = cache(memory, precision);
    MemoryFolder created = MemoryFolder.create(folder, emptyManifest(memory, precision));
    return opened(memory, precision, cache, created);
  }

  /**
   * Opens a session as it was committed to a folder, without reading its text again. What it
   * computes is the same to the bit, and it goes on to keep its memory there. Its memory
   * configuration and precision are those that it was made with.
   *
   * @throws IOException if there is no memory in the folder, it is open for writing elsewhere, it
   *     is another model's, or a file is not what was written
   */
  public MnemeSession restore(Path folder) throws IOException {
    return restore(folder, Access.READ_WRITE);
  }

  /**
   * Opens a session as it was committed to a folder.
   *
   * @param access with {@link Access#READ_ONLY}, the folder may be open elsewhere and is not
   *     changed: what the session reads further is kept in memory alone
   * @throws IOException as {@link #restore(Path)}
   */
  public MnemeSession restore(Path folder, Access access) throws IOException {
    checkOpen();
    // The first one takes seconds, in which a writer might commit twice behind an open manifest.
    Map<String, String> fingerprint = fingerprint();
    MemoryFolder found = MemoryFolder.open(folder, access);
    MnemeSession session = null;
    try {
      SessionFolder.check(found, fingerprint);
      MnemeConfig made = SessionFolder.configuration(found);
      BlockCache cache = cache(made.memory(), made.blockPrecision());
      session = opened(made.memory(), made.blockPrecision(), cache, found);
      if (found.manifest().state() > 0) {
        found.readState(session::restore);
      }
      return session;
    } catch (IOException | RuntimeException e) {
      if (session != null) {
        session.close();
      } else {
        found.close();
      }
      throw e;
    }
  }

  private MnemeSession opened(
      MemoryConfig memory, BlockPrecision precision, BlockCache cache, MemoryFolder folder) {
    FolderStores stores =
        new FolderStores(folder, precision, cache, false, ownStores(memory, precision));
    MemoryAttention attention =
        model.newMemory(memory, stores, config.index().in(codes, model.workers()));
    return opened(memory, precision, attention, words(memory), folder);
  }

  private MnemeSession opened(
      MemoryConfig memory,
      BlockPrecision precision,
      MemoryAttention attention,
      @Nullable BlockFinder finder,
      @Nullable MemoryFolder folder) {
    int chunk = memory.queryBlock() * Math.max(1, config.chunk() / memory.queryBlock());
    TokenReader reader = new TokenReader(model, attention, finder, chunk);
    return track(new MnemeSession(this, reader, memory, precision, chunk, folder));
  }

  MnemeSession track(MnemeSession session) {
    sessions.add(session);
    return session;
  }

  /** The cache of blocks of a size, within the budget that is left beside one working set. */
  private synchronized BlockCache cache(MemoryConfig memory, BlockPrecision precision) {
    return caches.computeIfAbsent(
        RecordFile.stride(model.blockBytes(memory, precision)),
        bytes -> {
          long budget = config.maxResidentBytes();
          if (budget == 0) {
            return new BlockCache(config.maxMemoryBytes(), bytes);
          }
          long working = model.workingBytes(memory);
          long blocks = budget - budget / FINDING_SHARE - working;
          checkArgument(
              blocks >= BlockCache.leastBytes(bytes),
              "maxResidentBytes must be at least %s for this configuration: %s",
              FINDING_SHARE * (working + BlockCache.leastBytes(bytes)) / (FINDING_SHARE - 1) + 1,
              budget);
          return new BlockCache(blocks, bytes);
        });
  }

  Manifest emptyManifest(MemoryConfig memory, BlockPrecision precision) throws IOException {
    return Manifest.empty(
        model.memoryLayers(),
        model.blockBytes(memory, precision),
        model.representativeBytes(),
        SessionFolder.properties(fingerprint(), memory, precision));
  }

  /**
   * What must be the same in a model for it to understand a memory: checksums of its files, shape
   * of its attention and rotation, by name. Reads all of the model's files, once.
   *
   * @throws IOException if a file cannot be read
   */
  public synchronized Map<String, String> fingerprint() throws IOException {
    if (fingerprint == null) {
      fingerprint = ModelFingerprint.of(model.graph(), tokenizer.file());
    }
    return fingerprint;
  }

  private void checkOpen() {
    checkState(!closed, "the model is closed");
  }

  /** Bytes of one far block of all layers, representatives included. */
  long blockBytes(MemoryConfig memory, BlockPrecision precision) {
    return model.memoryLayers()
        * (model.blockBytes(memory, precision) + model.representativeBytes());
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
      caches.values().forEach(BlockCache::close);
      codes.close();
      model.close();
      tokenizer.close();
    }
  }
}
