package dev.mneme.attention;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkElementIndex;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.attention.ChunkPlan.QueryBlock;
import dev.mneme.attention.Lanes.Step;
import dev.mneme.attention.RotaryEmbedding.Angles;
import dev.mneme.attention.selection.BlockSelector;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.memory.block.BlockShape;
import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one session: for every layer, attention over sinks, chosen blocks and the local
 * window of all tokens read so far.
 *
 * <p>A chunk of tokens is read in three steps: {@link #begin}, {@link #attend} once for each layer
 * in order, {@link #commit}. A chunk of one token may be attended twice, see {@link #attendNear}.
 * What a token attends does not depend on how a text is cut into chunks, as long as cuts are at
 * multiples of {@code queryBlock}. The cost of a token does not depend on how many were read, apart
 * from the search of the block index.
 *
 * <p>Not thread-safe: one session, one thread at a time. After an exception in {@link #attend} or
 * {@link #commit} the layers disagree on what was read and only {@link #close} is allowed.
 */
public final class MemoryAttention implements AutoCloseable {

  /** Queries that go through the kernel together; their scores then fit into the cache. */
  private static final int TILE = 64;

  private final AttentionShape shape;
  private final RotaryEmbedding windowRotary;
  private final Timeline timeline;
  private final AttentionKernel kernel;
  private final FarPositions positions;
  private final List<LayerMemory> layers = new ArrayList<>();
  private final Lanes lanes;
  private final StageClock clock = new StageClock();

  private WorkingLayout layout;
  private QueryTile.@Nullable Scratch scratch;
  private final List<QueryTile> tiles = new ArrayList<>();

  private @Nullable ChunkPlan plan;
  private @Nullable Angles windowAngles;
  private int nextLayer;
  private int tokens;

  /** First token that the last query block saw without choosing its block. */
  private int lastRemainder;

  private int pending;

  /** What the text would repeat after the chunk. */
  private PrefixMatch repeated = PrefixMatch.NONE;

  private boolean closed;

  /**
   * Makes an empty memory.
   *
   * @param shape attention of every layer
   * @param rotary rotation of every layer
   * @param layerCount number of layers
   * @param kernel kept open by the caller as long as this memory
   * @param workers share what is done beside attention; kept open as long
   * @param stores opens the block store of a layer, which this memory closes
   * @param indexes opens the block index of a layer, which this memory closes
   */
  public MemoryAttention(
      AttentionShape shape,
      RotaryEmbedding rotary,
      int layerCount,
      MemoryConfig config,
      AttentionKernel kernel,
      Workers workers,
      BlockStore.Factory stores,
      BlockIndex.Factory indexes) {
    checkArgument(layerCount > 0, "layerCount must be positive: %s", layerCount);
    checkArgument(
        2 * rotary.pairs() <= shape.headDim(),
        "rotated channels must not exceed headDim: %s, headDim %s",
        2 * rotary.pairs(),
        shape.headDim());
    this.shape = shape;
    windowRotary = rotary;
    timeline = timeline(config);
    layout = WorkingLayout.empty(config.blockSize());
    this.kernel = kernel;
    positions = new FarPositions(config, rotary);
    BlockShape blockShape = new BlockShape(shape.kvHeads(), config.blockSize(), shape.headDim());
    int window = config.nLocal() + timeline.tile();
    lanes =
        new Lanes(
            workers,
            arena -> new Lane(shape, rotary, blockShape, kernel.keyPanel(), window, arena));
    int dimension = shape.heads() * shape.headDim();
    for (int layer = 0; layer < layerCount; layer++) {
      BlockStore store = stores.open(layer, blockShape, dimension);
      List<BlockSelector> selectors = new ArrayList<>();
      int choosers = config.choosers() == Choosers.LAYER ? 1 : shape.kvHeads();
      for (int chooser = 0; chooser < choosers; chooser++) {
        selectors.add(
            new BlockSelector(
                indexes.open(
                    dimension / choosers, LayerMemory.representatives(store, chooser, choosers)),
                shape.group(),
                shape.headDim(),
                config.representatives(),
                config.words().fusion(config.wordWeight()),
                config.neighbours()));
      }
      layers.add(
          new LayerMemory(shape, timeline, positions, kernel, store, selectors, lanes, clock));
    }
  }

  /** Most bytes of the working sets of a memory, all layers together. */
  public static long workingBytes(AttentionShape shape, int layerCount, MemoryConfig config) {
    int far = config.nInit() + config.nLocal() + (config.topK() + 1) * config.blockSize();
    WorkingLayout full =
        timeline(config)
            .layout(WorkingLayout.empty(config.blockSize()), far, far + config.queryBlock());
    long rows = (long) full.far() + full.window() + full.width() + full.recent();
    return layerCount * rows * shape.kvHeads() * shape.vectorBytes();
  }

  /**
   * Bytes of all tensors that a kernel reads and writes to attend some queries of a layer, once a
   * text that is read from its start fills the working set: {@link WorkingSet} and {@link
   * QueryTile}. With {@code c} columns, {@code 4 * (2 * kvHeads * headDim * c + queries * (3 *
   * heads * headDim + c) + parts * heads * c)}.
   *
   * @param queries that are attended together: 1, or {@link #tile}
   */
  public static long kernelBytes(AttentionShape shape, MemoryConfig config, int queries) {
    int full = config.nInit() + config.nLocal() + (config.topK() + 1) * config.blockSize();
    int from = (full / config.queryBlock() + 1) * config.queryBlock();
    // Enough query blocks to begin at every distance from the border of a block at which one does.
    int count = queries == 1 ? 1 : config.queryBlock() * config.blockSize();
    int columns =
        timeline(config)
            .layout(WorkingLayout.empty(config.blockSize()), from, from + count)
            .width();
    long set = 2L * columns * shape.kvHeads() * shape.headDim();
    long each = 3L * shape.heads() * shape.headDim() + columns;
    long mass = (long) QueryTile.parts(queries) * shape.heads() * columns;
    return (set + queries * each + mass) * Float.BYTES;
  }

  /** Most queries that a kernel attends together. */
  public static int tile(MemoryConfig config) {
    return Math.min(TILE, config.queryBlock());
  }

  private static Timeline timeline(MemoryConfig config) {
    return new Timeline(config, tile(config));
  }

  /** A fork's memory, without layers yet. */
  private MemoryAttention(MemoryAttention origin) {
    shape = origin.shape;
    windowRotary = origin.windowRotary;
    timeline = origin.timeline;
    kernel = origin.kernel;
    positions = origin.positions;
    lanes = origin.lanes.fork();
    layout = origin.layout;
    tokens = origin.tokens;
    lastRemainder = origin.lastRemainder;
  }

  /**
   * A memory that has read the same tokens. Blocks are shared, and the rest until one of the two
   * reads on; from then on each goes its own way. It may be used by another thread and is closed on
   * its own.
   *
   * @param tails opens the stores of blocks that the fork appends to blocks in files
   */
  public MemoryAttention fork(BlockStore.Factory tails) {
    checkIdle();
    MemoryAttention fork = new MemoryAttention(this);
    for (LayerMemory layer : layers) {
      fork.layers.add(layer.fork(tails, fork.lanes, fork.clock));
    }
    return fork;
  }

  /**
   * Writes what is not in the block stores, for {@link #restore}.
   *
   * @throws IOException if it cannot be written
   */
  public void save(StateOutput output) throws IOException {
    checkIdle();
    output.writeInt(tokens);
    output.writeInt(lastRemainder);
    if (tokens == 0) {
      return;
    }
    layout.save(output);
    for (LayerMemory layer : layers) {
      layer.save(output);
    }
  }

  /**
   * Reads what {@link #save} wrote into this memory, which has the same configuration, has read
   * nothing, and whose stores hold the blocks. What it computes from then on is the same to the
   * bit. What the last token chose and attended is not known before the next one is read: {@link
   * #choice}, {@link #attention} and {@link #sees} tell of no block.
   *
   * @throws IOException if it cannot be read
   */
  public void restore(StateInput input) throws IOException {
    checkIdle();
    checkState(tokens == 0, "the memory has read %s tokens", tokens);
    tokens = input.readInt();
    lastRemainder = input.readInt();
    if (tokens == 0) {
      return;
    }
    layout = WorkingLayout.restore(input);
    for (LayerMemory layer : layers) {
      layer.restore(input, layout);
    }
  }

  /** The far blocks of a layer. */
  public BlockStore store(int layer) {
    return layers.get(layer).store();
  }

  private void checkIdle() {
    checkState(!closed, "the memory is closed");
    checkState(plan == null, "the chunk before was not committed");
  }

  /** Its configuration. */
  public MemoryConfig config() {
    return timeline.config();
  }

  /** What its time went into; whoever drives the memory may count stages of its own. */
  public StageClock clock() {
    return clock;
  }

  /** Number of layers. */
  public int layers() {
    return layers.size();
  }

  /** Number of tokens read. */
  public int tokens() {
    return tokens;
  }

  /** Number of far blocks of each layer. */
  public int blocks() {
    return timeline.blocks(tokens);
  }

  /** First token of a far block; it holds {@code blockSize} tokens. */
  public int blockStart(int block) {
    checkElementIndex(block, blocks(), "block");
    return timeline.config().nInit() + block * timeline.config().blockSize();
  }

  /** The blocks that a layer chose for the last query block. */
  public Hits choice(int layer) {
    return layers.get(layer).choice();
  }

  /**
   * The largest softmax weight, 0 to 1, that any head of a layer gave to a block when the last
   * token was read; meaningful where that token was read alone, as the last of a prompt and each
   * generated one are.
   *
   * @param block one of {@link #choice}
   */
  public float attention(int layer, int block) {
    return layers.get(layer).attention(block);
  }

  /**
   * Whether the last token read could see every token from {@code from} inclusive to {@code to}
   * exclusive in a layer.
   */
  public boolean sees(int layer, int from, int to) {
    MemoryConfig config = timeline.config();
    int[] chosen = choice(layer).blocks();
    for (int token = from; token < to; token++) {
      boolean near = token >= (timeline.hasFarMemory() ? lastRemainder : tokens - config.nLocal());
      int block = Math.floorDiv(token - config.nInit(), config.blockSize());
      if (token >= config.nInit() && !near && Arrays.binarySearch(chosen, block) < 0) {
        return false;
      }
    }
    return true;
  }

  /** Bytes of memory held: blocks, working sets and indexes of all layers. */
  public long residentBytes() {
    long bytes = 0;
    for (LayerMemory layer : layers) {
      bytes += layer.residentBytes();
    }
    return bytes;
  }

  /**
   * Prepares reading of the next tokens of a text.
   *
   * @param text ids of its tokens from its start, those included that were read; only used in this
   *     call
   * @param end one past the last token to read
   * @param words finds blocks by text, asked by one thread at a time, which need not be the
   *     caller's; {@link WordSearch#NONE} where keys do it alone
   */
  public void begin(int[] text, int end, WordSearch words) {
    checkIdle();
    checkArgument(
        tokens < end && end <= text.length,
        "end must be more than %s, the tokens read, and at most %s: %s",
        tokens,
        text.length,
        end);
    clock.start();
    useLayout(timeline.layout(layout, tokens, end));
    plan = plan(end, words);
    repeated = timeline.repeated(text, tokens, end);
    windowAngles = windowRotary.angles(tokens, end - tokens);
    pending = end - tokens;
    nextLayer = 0;
    clock.end(Stage.PLAN);
  }

  /**
   * Attends the chunk in one layer.
   *
   * @param layer 0 first, then one after the other
   */
  public void attend(int layer, TokenMatrices matrices) {
    ChunkPlan plan = this.plan;
    Angles angles = windowAngles;
    checkState(plan != null && angles != null, "begin was not called");
    checkState(
        layer == nextLayer, "layers are attended in order: %s after %s", layer, nextLayer - 1);
    for (QueryBlock block : plan.queryBlocks()) {
      layers.get(layer).attend(block, plan.from(), angles, matrices);
    }
    nextLayer++;
  }

  /**
   * The token of the text that is likely to come again after the chunk; see {@link
   * MemoryConfig#prefixMatch}.
   *
   * @return its index, in a block; -1 if there is none
   */
  public int repeated() {
    checkState(plan != null, "begin was not called");
    return repeated.next();
  }

  /**
   * Attends a chunk of one token in one layer again, with the same blocks and {@link #repeated}
   * near; what followed its last token elsewhere in blocks that are near is hidden. Key and value
   * take the place of those before, unless {@link #restoreFirst} follows; the attention that tokens
   * before it receive counts both times.
   *
   * @param layer the last one attended
   */
  public void attendNear(int layer, TokenMatrices matrices) {
    ChunkPlan plan = this.plan;
    Angles angles = windowAngles;
    checkState(plan != null && angles != null, "begin was not called");
    checkState(pending == 1, "only one token is attended again: %s", pending);
    checkState(layer == nextLayer - 1, "layer %s was not attended last", layer);
    QueryBlock near = plan.queryBlocks().getFirst().copying(repeated);
    layers.get(layer).attendAgain(near, angles, matrices);
  }

  /** Takes back the keys and values of {@link #attendNear}, in all layers. */
  public void restoreFirst() {
    Angles angles = windowAngles;
    checkState(angles != null, "begin was not called");
    layers.forEach(layer -> layer.restoreFirst(tokens, angles));
  }

  /** Ends the chunk: its tokens count as read. */
  public void commit() {
    checkState(plan != null, "begin was not called");
    checkState(
        nextLayer == layers.size(), "only %s of %s layers attended", nextLayer, layers.size());
    int read = tokens + pending;
    // Where this fails, the chunk stays open: nothing is saved or forked.
    layers.forEach(layer -> layer.formBlocks(read));
    tokens = read;
    lastRemainder = plan.queryBlocks().getLast().remainderStart();
    plan = null;
    windowAngles = null;
  }

  /** Plans the chunk, and beside that has memory for its blocks found, which takes as long. */
  private ChunkPlan plan(int end, WordSearch words) {
    AtomicReference<ChunkPlan> planned = new AtomicReference<>();
    List<Step> steps = new ArrayList<>();
    steps.add(lane -> planned.set(ChunkPlan.of(timeline, layout, tokens, end, words, this::tile)));
    int blocks = timeline.blocks(end) - blocks();
    if (blocks > 0) {
      layers.forEach(layer -> steps.add(lane -> layer.store().reserve(blocks)));
    }
    lanes.run(steps);
    return planned.get();
  }

  private void useLayout(WorkingLayout next) {
    for (LayerMemory layer : layers) {
      layer.use(next);
    }
    if (scratch != null && next.equals(layout)) {
      return;
    }
    freeScratch();
    scratch = new QueryTile.Scratch(shape, timeline.tile(), next.width());
    layout = next;
  }

  /** The chunk's {@code number}-th tile; kept as long as its size is asked for again. */
  private QueryTile tile(int queries, int number) {
    QueryTile.Scratch scratch = this.scratch;
    checkState(scratch != null, "no layout was chosen");
    if (number == tiles.size()) {
      tiles.add(scratch.tile(queries, number));
    } else if (tiles.get(number).queries() != queries) {
      tiles.set(number, scratch.tile(queries, number));
    }
    return tiles.get(number);
  }

  private void freeScratch() {
    tiles.clear();
    if (scratch != null) {
      scratch.close();
      scratch = null;
    }
  }

  /** Frees all memory; closing twice is harmless. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      try {
        layers.forEach(LayerMemory::close);
      } finally {
        lanes.close();
        freeScratch();
      }
    }
  }
}
