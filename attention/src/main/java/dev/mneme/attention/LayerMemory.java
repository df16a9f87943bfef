package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.attention.AttentionKernel.Attention;
import dev.mneme.attention.ChunkPlan.QueryBlock;
import dev.mneme.attention.ChunkPlan.Tile;
import dev.mneme.attention.RotaryEmbedding.Angles;
import dev.mneme.attention.selection.BlockSelector;
import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.VectorSource;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One layer of one session: its far blocks, and the working set that its attention sees.
 *
 * <p>For each query block (InfLLM, Xiao et al. 2024, algorithm of its published code): choose
 * blocks for the mean query, bring them into the slots, attend tile by tile while counting the
 * attention that local tokens receive, then turn the oldest tokens into blocks. Keys in blocks and
 * in the remainder are un-rotated until they enter the working set. Not thread-safe.
 */
final class LayerMemory implements AutoCloseable {

  private final AttentionShape shape;
  private final Timeline timeline;
  private final FarPositions positions;
  private final AttentionKernel kernel;
  private final BlockStore store;

  /** One for all heads, or one for each key/value head. */
  private final List<BlockSelector> selectors;

  private final Lanes lanes;
  private final StageClock clock;
  private final FarRows far;

  private @Nullable WorkingSet set;
  private @Nullable Attention attention;

  private Hits choice = Hits.NONE;

  /** Blocks chosen by the last query block, by each selector, ascending. */
  private int[][] chosen = {};

  /** Un-rotated key and value, {@code kvHeads * headDim} floats each, that a token had first. */
  private final TokenMatrix firstKey;

  private final TokenMatrix firstValue;

  /** Softmax weight that each slot received from each head of the last single query. */
  private final float[] slotWeights;

  LayerMemory(
      AttentionShape shape,
      Timeline timeline,
      FarPositions positions,
      AttentionKernel kernel,
      BlockStore store,
      List<BlockSelector> selectors,
      Lanes lanes,
      StageClock clock) {
    this.shape = shape;
    this.timeline = timeline;
    this.positions = positions;
    this.kernel = kernel;
    this.store = store;
    this.selectors = selectors;
    this.lanes = lanes;
    this.clock = clock;
    far = new FarRows(shape, timeline, positions, store, selectors.size());
    slotWeights = new float[shape.heads() * timeline.config().topK()];
    int width = shape.kvHeads() * shape.headDim();
    firstKey = new TokenMatrix(MemorySegment.ofArray(new float[width]), width, 0);
    firstValue = new TokenMatrix(MemorySegment.ofArray(new float[width]), width, 0);
  }

  /** Grows or shrinks the working set, and makes it this layer's own; what it holds is kept. */
  void use(WorkingLayout next) {
    if (set != null && next.equals(set.layout()) && !set.isShared()) {
      if (attention == null) {
        attention = kernel.over(set);
      }
      return;
    }
    WorkingSet grown = new WorkingSet(shape, next, kernel.keyPanel());
    if (set != null) {
      grown.copyFrom(set, Math.min(far.remainderRows(), next.remainder()));
    }
    free();
    set = grown;
    attention = kernel.over(grown);
  }

  /**
   * Attends one query block and remembers its tokens.
   *
   * @param first the chunk's first token: row 0 of the matrices
   * @param windowAngles positions of the chunk's tokens
   */
  void attend(QueryBlock block, int first, Angles windowAngles, TokenMatrices matrices) {
    formBlocks(block.from());
    chosen = choose(block, first, matrices.queries());
    clock.end(Stage.CHOICE);
    attendChosen(block, first, windowAngles, matrices);
  }

  /**
   * Attends a query block of one token again, with the same blocks, and remembers the token as of
   * now. The attention that tokens before it receive counts both times.
   *
   * @param block the same but for {@link QueryBlock#copied}
   */
  void attendAgain(QueryBlock block, Angles windowAngles, TokenMatrices matrices) {
    keepFirst(block.from());
    attendChosen(block, block.from(), windowAngles, matrices);
  }

  /** Remembers the last token as of the first time that it was attended. */
  void restoreFirst(int token, Angles windowAngles) {
    remember(
        requireSet(), token, token + 1, token, windowAngles, firstKey, firstValue, lanes.own());
  }

  private void keepFirst(int token) {
    WorkingSet set = requireSet();
    WorkingLayout layout = set.layout();
    int dim = shape.headDim();
    long bytes = shape.vectorBytes();
    for (int head = 0; head < shape.kvHeads(); head++) {
      long key = set.offset(head, token % layout.recent(), layout.recent());
      firstKey.write(0, head * dim, set.recentKeys(), key, bytes);
      int row = layout.far() + token % layout.window();
      firstValue.write(0, head * dim, set.values(), set.offset(head, row, layout.width()), bytes);
    }
  }

  private void attendChosen(
      QueryBlock block, int first, Angles windowAngles, TokenMatrices matrices) {
    WorkingSet set = requireSet();
    far.update(set, block, chosen, lanes);
    clock.end(Stage.FAR);
    for (Tile tile : block.tiles()) {
      lanes.share(
          tile.from(),
          tile.to(),
          (lane, from, to) -> {
            remember(set, from, to, first, windowAngles, matrices.keys(), matrices.values(), lane);
            rotateQueries(tile, from, to, block, first, windowAngles, matrices.queries(), lane);
          });
      clock.end(Stage.WINDOW);
      showRivals(block, tile.buffers(), false);
      requireAttention().attend(tile.buffers());
      showRivals(block, tile.buffers(), true);
      clock.end(Stage.ATTENTION);
      lanes.share(
          tile.from(),
          tile.to(),
          (lane, from, to) -> writeOutput(tile, from, to, first, matrices.output()));
      countMass(set, tile);
      if (tile.buffers().queries() == 1) {
        weighSlots(set.layout(), block.chosen(), tile.buffers());
      }
      clock.end(Stage.OUTPUT);
    }
  }

  /**
   * A memory of the same tokens. Blocks are shared, and so is the working set until one of the two
   * reads on.
   *
   * @param tails opens the stores of blocks that the fork appends
   * @param lanes of the session that the fork belongs to
   * @param clock of that session
   */
  LayerMemory fork(BlockStore.Factory tails, Lanes lanes, StageClock clock) {
    BlockStore forkedStore = store.fork(tails);
    List<BlockSelector> forkedSelectors = new ArrayList<>();
    for (BlockSelector selector : selectors) {
      int chooser = forkedSelectors.size();
      forkedSelectors.add(selector.fork(representatives(forkedStore, chooser, selectors.size())));
    }
    LayerMemory fork =
        new LayerMemory(
            shape, timeline, positions, kernel, forkedStore, forkedSelectors, lanes, clock);
    fork.far.copyFrom(far);
    fork.set = set == null ? null : set.retain();
    System.arraycopy(slotWeights, 0, fork.slotWeights, 0, slotWeights.length);
    fork.choice = choice;
    return fork;
  }

  /** Writes what is not in the block store, for {@link #restore}. */
  void save(StateOutput output) throws IOException {
    far.save(output);
    requireSet().save(output);
  }

  /** Reads what {@link #save} wrote; blocks in the slots come from the store. */
  void restore(StateInput input, WorkingLayout layout) throws IOException {
    far.restore(input);
    WorkingSet restored = new WorkingSet(shape, layout, kernel.keyPanel());
    set = restored;
    restored.restore(input);
    far.refill(restored, lanes);
    for (int block = 0; block < store.size(); block++) {
      float[] representative = new float[store.dimension()];
      store.readRepresentative(block, representative);
      addToIndexes(representative);
    }
  }

  private void addToIndexes(float[] representative) {
    int width = representative.length / selectors.size();
    for (int chooser = 0; chooser < selectors.size(); chooser++) {
      selectors.get(chooser).add(part(representative, chooser * width, width));
    }
  }

  /** The array itself where that is all of it: nothing is copied for a choice by layer. */
  private static float[] part(float[] vector, int from, int width) {
    return width == vector.length ? vector : Arrays.copyOfRange(vector, from, from + width);
  }

  /** The part of the representatives of a store that one of several choosers searches. */
  static VectorSource representatives(BlockStore store, int chooser, int choosers) {
    if (choosers == 1) {
      return store::readRepresentative;
    }
    float[] all = new float[store.dimension()];
    return (block, to) -> {
      store.readRepresentative(block, all);
      System.arraycopy(all, chooser * to.length, to, 0, to.length);
    };
  }

  /** The far blocks. */
  BlockStore store() {
    return store;
  }

  /** The blocks chosen by the last query block, each by one head at least. */
  Hits choice() {
    return choice;
  }

  /** Bytes of memory held. */
  long residentBytes() {
    long bytes = store.residentBytes() + (set == null ? 0 : set.bytes());
    for (BlockSelector selector : selectors) {
      bytes += selector.residentBytes();
    }
    return bytes;
  }

  /** Chooses blocks: those of each selector, ascending. */
  private int[][] choose(QueryBlock block, int first, TokenMatrix queries) {
    int[][] chosen = new int[selectors.size()][0];
    if (block.chosen() == 0) {
      return chosen;
    }
    int width = shape.heads() * shape.headDim();
    float[] mean = new float[width];
    int count = block.to() - block.from();
    Lane lane = lanes.own();
    for (int token = block.from(); token < block.to(); token++) {
      queries.read(token - first, lane.vectors, width);
      for (int i = 0; i < width; i++) {
        mean[i] += lane.vectors[i];
      }
    }
    lane.rotator.turnTo(positions.retrieval(), 0, 1f / count);
    for (int at = 0; at < width; at += shape.headDim()) {
      lane.rotator.rotate(mean, at, mean, at);
    }
    List<Hits> choices = new ArrayList<>();
    int part = width / selectors.size();
    for (int chooser = 0; chooser < chosen.length; chooser++) {
      Hits hits =
          selectors
              .get(chooser)
              .choose(part(mean, chooser * part, part), block.words(), block.chosen());
      choices.add(hits);
      chosen[chooser] = hits.blocks();
    }
    choice = Hits.union(choices);
    return chosen;
  }

  /** Takes keys and values of tokens into the window. */
  private void remember(
      WorkingSet set,
      int from,
      int to,
      int first,
      Angles angles,
      TokenMatrix keys,
      TokenMatrix values,
      Lane lane) {
    WorkingLayout layout = set.layout();
    int dim = shape.headDim();
    int width = shape.kvHeads() * dim;
    for (int token = from; token < to; token++) {
      int windowRow = token % layout.window();
      int recentRow = token % layout.recent();
      keys.read(token - first, lane.vectors, width);
      lane.rotator.turnTo(angles, token - first, 1f);
      for (int head = 0; head < shape.kvHeads(); head++) {
        int at = head * dim;
        lane.rotator.rotate(lane.vectors, at, lane.rotated, at);
        put(lane.vectors, at, set.recentKeys(), set.offset(head, recentRow, layout.recent()));
        set.windowKeys().put(head, windowRow, lane.rotated, at);
      }
      values.read(token - first, lane.vectors, width);
      for (int head = 0; head < shape.kvHeads(); head++) {
        put(
            lane.vectors,
            head * dim,
            set.values(),
            set.offset(head, layout.far() + windowRow, layout.width()));
      }
      for (int head = 0; head < shape.heads(); head++) {
        set.recentScores()[head * layout.recent() + recentRow] = 0;
      }
    }
  }

  private void put(float[] from, int at, MemorySegment to, long offset) {
    MemorySegment.copy(from, at, to, JAVA_FLOAT, offset, shape.headDim());
  }

  private void rotateQueries(
      Tile tile,
      int from,
      int to,
      QueryBlock block,
      int first,
      Angles windowAngles,
      TokenMatrix queries,
      Lane lane) {
    int dim = shape.headDim();
    int members = shape.heads() / selectors.size();
    QueryTile buffers = tile.buffers();
    for (int token = from; token < to; token++) {
      queries.read(token - first, lane.vectors, shape.heads() * dim);
      lane.rotator.turnTo(windowAngles, token - first, shape.scale());
      for (int head = 0; head < shape.heads(); head++) {
        if (head % members == 0) {
          int place = far.remainderPlace(head / members);
          int position = positions.queryRow(token, block.remainderStart(), place);
          lane.farRotator.turnTo(positions.queries(), position, shape.scale());
        }
        long at = buffers.row(head, token - tile.from()) * shape.vectorBytes();
        lane.rotator.rotate(lane.vectors, head * dim, buffers.windowQueries(), at);
        lane.farRotator.rotate(lane.vectors, head * dim, buffers.farQueries(), at);
      }
    }
  }

  /**
   * Hides the rivals of what is copied from a single query, or shows them again; not where heads
   * choose for themselves, as all of them share a mask.
   */
  private void showRivals(QueryBlock block, QueryTile tile, boolean visible) {
    WorkingLayout layout = requireSet().layout();
    PrefixMatch copied = block.copied();
    if (far.column(copied.next(), layout) >= 0) {
      copied.rivals().stream()
          .map(token -> far.column(token, layout))
          .filter(column -> column >= 0)
          .forEach(column -> tile.show(column, visible));
    }
  }

  private void writeOutput(Tile tile, int from, int to, int first, TokenMatrix output) {
    long bytes = shape.vectorBytes();
    QueryTile buffers = tile.buffers();
    for (int token = from; token < to; token++) {
      for (int head = 0; head < shape.heads(); head++) {
        long at = buffers.row(head, token - tile.from()) * bytes;
        output.write(token - first, head * shape.headDim(), buffers.output(), at, bytes);
      }
    }
  }

  /** Adds the tile's softmax weights to the scores of the tokens in the window. */
  private void countMass(WorkingSet set, Tile tile) {
    if (!timeline.hasFarMemory()) {
      return;
    }
    WorkingLayout layout = set.layout();
    int window = layout.window();
    int recent = layout.recent();
    float[] mass = lanes.own().mass;
    int local = Math.max(0, tile.from() - timeline.config().nLocal() + 1);
    QueryTile queries = tile.buffers();
    for (int head = 0; head < shape.heads(); head++) {
      for (int part = 0; part < queries.parts(); part++) {
        long at = (long) queries.massRow(head, part) * layout.width() + layout.far();
        MemorySegment.copy(queries.mass(), JAVA_FLOAT, at * Float.BYTES, mass, 0, window);
        // Runs of tokens that are contiguous in both rings.
        for (int token = local; token < tile.to(); ) {
          int from = token % window;
          int to = token % recent;
          int run = Math.min(tile.to() - token, Math.min(window - from, recent - to));
          add(mass, from, set.recentScores(), head * recent + to, run);
          token += run;
        }
      }
    }
  }

  private static void add(float[] from, int fromAt, float[] to, int toAt, int count) {
    for (int i = 0; i < count; i++) {
      to[toAt + i] += from[fromAt + i];
    }
  }

  private void weighSlots(WorkingLayout layout, int chosen, QueryTile tile) {
    int rows = layout.blockSize();
    int topK = timeline.config().topK();
    for (int head = 0; head < shape.heads(); head++) {
      long at = ((long) head * layout.width() + layout.slotsAt()) * Float.BYTES;
      for (int slot = 0; slot < chosen; slot++) {
        float sum = 0;
        for (int i = 0; i < rows; i++) {
          sum += tile.mass().get(JAVA_FLOAT, at + (slot * rows + i) * (long) Float.BYTES);
        }
        slotWeights[head * topK + slot] = sum;
      }
    }
  }

  /**
   * The largest softmax weight, 0 to 1, that any head of the last single query gave to a block.
   *
   * @param block one of the blocks chosen
   */
  float attention(int block) {
    float most = 0;
    int topK = timeline.config().topK();
    for (int head = 0; head < shape.heads(); head++) {
      int[] of = far.slots(head * selectors.size() / shape.heads());
      for (int slot = 0; slot < topK; slot++) {
        if (of[slot] == block) {
          most = Math.max(most, slotWeights[head * topK + slot]);
        }
      }
    }
    return most;
  }

  /** Turns the oldest tokens into blocks, as many as there are when so many tokens were read. */
  void formBlocks(int tokens) {
    while (store.size() < timeline.blocks(tokens)) {
      formBlock(requireSet());
    }
    clock.end(Stage.BLOCKS);
  }

  private void formBlock(WorkingSet set) {
    WorkingLayout layout = set.layout();
    int firstToken = far.remainderFirst();
    int rows = layout.blockSize();
    long bytes = store.shape().headBytes();
    Lane lane = lanes.own();
    float[] scores = new float[shape.heads() * rows];
    for (int i = 0; i < rows; i++) {
      int recentRow = (firstToken + i) % layout.recent();
      for (int head = 0; head < shape.kvHeads(); head++) {
        MemorySegment.copy(
            set.recentKeys(),
            set.offset(head, recentRow, layout.recent()),
            lane.blockKeys,
            head * bytes + i * shape.vectorBytes(),
            shape.vectorBytes());
      }
      for (int head = 0; head < shape.heads(); head++) {
        scores[head * rows + i] = set.recentScores()[head * layout.recent() + recentRow];
      }
    }
    for (int head = 0; head < shape.kvHeads(); head++) {
      MemorySegment.copy(
          set.values(),
          set.offset(head, layout.remainderAt(), layout.width()),
          lane.blockValues,
          head * bytes,
          bytes);
    }
    far.dropFirstBlock(set);
    float[] representative =
        selectors.getFirst().representative(lane.blockKeys.toArray(JAVA_FLOAT), scores, rows);
    store.append(lane.blockKeys, lane.blockValues, representative);
    addToIndexes(representative);
  }

  private WorkingSet requireSet() {
    if (set == null) {
      throw new IllegalStateException("no working set: the layout was never chosen");
    }
    return set;
  }

  private Attention requireAttention() {
    if (attention == null) {
      throw new IllegalStateException("no working set: the layout was never chosen");
    }
    return attention;
  }

  private void free() {
    if (attention != null) {
      attention.close();
      attention = null;
    }
    if (set != null) {
      set.close();
      set = null;
    }
  }

  @Override
  public void close() {
    free();
    selectors.forEach(BlockSelector::close);
    store.close();
  }
}
