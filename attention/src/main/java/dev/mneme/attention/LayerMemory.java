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

  private static final int EMPTY = -1;

  private final AttentionShape shape;
  private final Timeline timeline;
  private final FarPositions positions;
  private final AttentionKernel kernel;
  private final BlockStore store;

  /** One for all heads, or one for each key/value head. */
  private final List<BlockSelector> selectors;

  private final LayerBuffers buffers;
  private final StageClock clock;

  private WorkingLayout layout;
  private @Nullable WorkingSet set;
  private @Nullable Attention attention;

  /** The block in each slot, for each selector. */
  private final int[][] slots;

  /** One past the last token copied into the sinks or the remainder. */
  private int farFilled;

  /** The place at which the block in each slot was rotated. */
  private final int[][] slotPlaces;

  /** For each selector, the place at which the remainder's first row was rotated. */
  private final int[] remainderPlaces;

  private Hits choice = Hits.NONE;

  /** Softmax weight that each slot received from each head of the last single query. */
  private final float[] slotWeights;

  LayerMemory(
      AttentionShape shape,
      Timeline timeline,
      FarPositions positions,
      AttentionKernel kernel,
      BlockStore store,
      List<BlockSelector> selectors,
      LayerBuffers buffers,
      StageClock clock) {
    this.shape = shape;
    this.timeline = timeline;
    this.positions = positions;
    this.kernel = kernel;
    this.store = store;
    this.selectors = selectors;
    this.buffers = buffers;
    this.clock = clock;
    MemoryConfig config = timeline.config();
    layout = WorkingLayout.empty(config.blockSize());
    slots = new int[selectors.size()][config.topK()];
    slotPlaces = new int[selectors.size()][config.topK()];
    remainderPlaces = new int[selectors.size()];
    for (int[] of : slots) {
      Arrays.fill(of, EMPTY);
    }
    Arrays.fill(remainderPlaces, EMPTY);
    slotWeights = new float[shape.heads() * config.topK()];
  }

  /** Grows or shrinks the working set, and makes it this layer's own; what it holds is kept. */
  void use(WorkingLayout next) {
    if (set != null && next.equals(layout) && !set.isShared()) {
      if (attention == null) {
        attention = kernel.over(set);
      }
      return;
    }
    WorkingSet grown = new WorkingSet(shape, next, kernel.keyPanel());
    if (set != null) {
      grown.copyFrom(set, Math.clamp(remainderRows(), 0, next.remainder()));
    }
    free();
    set = grown;
    layout = next;
    attention = kernel.over(grown);
  }

  private int remainderRows() {
    return Math.max(0, farFilled - remainderFirst());
  }

  private int remainderFirst() {
    return timeline.config().nInit() + store.size() * layout.blockSize();
  }

  /**
   * Attends one query block and remembers its tokens.
   *
   * @param first the chunk's first token: row 0 of the matrices
   * @param windowAngles positions of the chunk's tokens
   * @param output receives {@code heads * headDim} floats a token
   */
  void attend(
      QueryBlock block,
      int first,
      Angles windowAngles,
      TokenMatrix queries,
      TokenMatrix keys,
      TokenMatrix values,
      TokenMatrix output) {
    WorkingSet set = requireSet();
    int[][] chosen = choose(block, first, queries);
    clock.end(Stage.CHOICE);
    fillSlots(set, block, chosen);
    fillFar(set, block);
    clock.end(Stage.FAR);
    for (Tile tile : block.tiles()) {
      remember(set, tile, first, windowAngles, keys, values);
      rotateQueries(tile, block, first, windowAngles, queries);
      clock.end(Stage.WINDOW);
      requireAttention().attend(tile.buffers());
      clock.end(Stage.ATTENTION);
      writeOutput(tile, first, output);
      countMass(set, tile);
      if (tile.buffers().queries() == 1) {
        weighSlots(block.chosen(), tile.buffers());
      }
      clock.end(Stage.OUTPUT);
    }
    formBlocks(set, block.to());
    clock.end(Stage.BLOCKS);
  }

  /**
   * A memory of the same tokens. Blocks are shared, and so is the working set until one of the two
   * reads on.
   *
   * @param tails opens the stores of blocks that the fork appends
   * @param buffers of the session that the fork belongs to
   * @param clock of that session
   */
  LayerMemory fork(BlockStore.Factory tails, LayerBuffers buffers, StageClock clock) {
    BlockStore forkedStore = store.fork(tails);
    List<BlockSelector> forkedSelectors = new ArrayList<>();
    for (BlockSelector selector : selectors) {
      int chooser = forkedSelectors.size();
      forkedSelectors.add(selector.fork(representatives(forkedStore, chooser, selectors.size())));
    }
    LayerMemory fork =
        new LayerMemory(
            shape, timeline, positions, kernel, forkedStore, forkedSelectors, buffers, clock);
    fork.layout = layout;
    fork.set = set == null ? null : set.retain();
    for (int chooser = 0; chooser < slots.length; chooser++) {
      System.arraycopy(slots[chooser], 0, fork.slots[chooser], 0, slots[chooser].length);
      System.arraycopy(slotPlaces[chooser], 0, fork.slotPlaces[chooser], 0, slots[chooser].length);
    }
    System.arraycopy(slotWeights, 0, fork.slotWeights, 0, slotWeights.length);
    fork.farFilled = farFilled;
    System.arraycopy(remainderPlaces, 0, fork.remainderPlaces, 0, remainderPlaces.length);
    fork.choice = choice;
    return fork;
  }

  /** Writes what is not in the block store, for {@link #restore}. */
  void save(StateOutput output) throws IOException {
    for (int[] of : slots) {
      for (int block : of) {
        output.writeInt(block);
      }
    }
    output.writeInt(farFilled);
    output.writeInt(remainderPlaces[0]);
    requireSet().save(output);
  }

  /** Reads what {@link #save} wrote; blocks in the slots come from the store. */
  void restore(StateInput input, WorkingLayout layout) throws IOException {
    buffers.allocate(store.shape(), timeline);
    int[][] saved = new int[slots.length][timeline.config().topK()];
    for (int[] of : saved) {
      for (int slot = 0; slot < of.length; slot++) {
        of[slot] = input.readInt();
      }
    }
    farFilled = input.readInt();
    input.readInt(); // The remainder's place differs by selector: each finds its own again.
    WorkingSet restored = new WorkingSet(shape, layout, kernel.keyPanel());
    set = restored;
    this.layout = layout;
    restored.restore(input);
    for (int chooser = 0; chooser < saved.length; chooser++) {
      int[] filled = Arrays.stream(saved[chooser]).takeWhile(block -> block != EMPTY).toArray();
      int[] places = positions.places(filled, remainderFirst());
      for (int slot = 0; slot < filled.length; slot++) {
        fillSlot(restored, chooser, slot, filled[slot], places[slot]);
      }
    }
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

  /** Bytes of memory held outside the heap. */
  long residentBytes() {
    long bytes = store.residentBytes() + (set == null ? 0 : set.bytes());
    for (BlockSelector selector : selectors) {
      bytes += selector.residentBytes();
    }
    return bytes;
  }

  /** Chooses blocks: for each selector, the block of each slot. */
  private int[][] choose(QueryBlock block, int first, TokenMatrix queries) {
    int[][] wanted = new int[selectors.size()][0];
    if (block.chosen() == 0) {
      return wanted;
    }
    int width = shape.heads() * shape.headDim();
    float[] mean = new float[width];
    int count = block.to() - block.from();
    for (int token = block.from(); token < block.to(); token++) {
      queries.read(token - first, buffers.vectors, width);
      for (int i = 0; i < width; i++) {
        mean[i] += buffers.vectors[i];
      }
    }
    buffers.rotator.turnTo(positions.retrieval(), 0, 1f / count);
    for (int at = 0; at < width; at += shape.headDim()) {
      buffers.rotator.rotate(mean, at, mean, at);
    }
    List<Hits> choices = new ArrayList<>();
    int part = width / selectors.size();
    for (int chooser = 0; chooser < wanted.length; chooser++) {
      Hits hits =
          selectors
              .get(chooser)
              .choose(part(mean, chooser * part, part), block.words(), block.chosen());
      choices.add(hits);
      wanted[chooser] =
          positions.isOrdered() ? hits.blocks() : inPlace(slots[chooser], hits.blocks());
      store.prefetch(missing(slots[chooser], wanted[chooser]));
    }
    choice = Hits.union(choices);
    return wanted;
  }

  /** The chosen blocks slot by slot: those that are in a slot stay there, the others fill up. */
  private static int[] inPlace(int[] slots, int[] chosen) {
    int[] wanted = new int[chosen.length];
    Arrays.fill(wanted, EMPTY);
    boolean[] present = new boolean[chosen.length];
    for (int slot = 0; slot < wanted.length; slot++) {
      int at = Arrays.binarySearch(chosen, slots[slot]);
      if (at >= 0) {
        wanted[slot] = slots[slot];
        present[at] = true;
      }
    }
    int slot = 0;
    for (int i = 0; i < chosen.length; i++) {
      if (!present[i]) {
        while (wanted[slot] != EMPTY) {
          slot++;
        }
        wanted[slot] = chosen[i];
      }
    }
    return wanted;
  }

  /** The wanted blocks that are not in their slots. */
  private static int[] missing(int[] slots, int[] wanted) {
    int[] missing = new int[wanted.length];
    int count = 0;
    for (int slot = 0; slot < wanted.length; slot++) {
      if (wanted[slot] != slots[slot]) {
        missing[count++] = wanted[slot];
      }
    }
    return Arrays.copyOf(missing, count);
  }

  /** Brings blocks into their slots, and the remainder to its place behind them. */
  private void fillSlots(WorkingSet set, QueryBlock block, int[][] wanted) {
    for (int chooser = 0; chooser < wanted.length; chooser++) {
      int[] places = positions.places(wanted[chooser], block.remainderStart());
      for (int slot = 0; slot < wanted[chooser].length; slot++) {
        fillSlot(set, chooser, slot, wanted[chooser][slot], places[slot]);
      }
      int place = places[wanted[chooser].length];
      boolean moved = positions.isOrdered() && place != remainderPlaces[chooser];
      remainderPlaces[chooser] = place;
      if (moved) {
        putRecentKeys(set, chooser, block.remainderStart(), farFilled, block.remainderStart());
      }
    }
  }

  private void fillSlot(WorkingSet set, int chooser, int slot, int block, int place) {
    if (slots[chooser][slot] == block
        && (slotPlaces[chooser][slot] == place || !positions.isOrdered())) {
      return;
    }
    int rows = layout.blockSize();
    int row = layout.slotsAt() + slot * rows;
    long bytes = store.shape().headBytes();
    for (int head = firstHead(chooser); head < firstHead(chooser + 1); head++) {
      MemorySegment values = set.values().asSlice(set.offset(head, row, layout.width()), bytes);
      store.read(block, head, buffers.blockKeys.asSlice(head * bytes, bytes), values);
    }
    putFarKeys(set, chooser, buffers.blockKeys, 0, rows, row, place, rows);
    slots[chooser][slot] = block;
    slotPlaces[chooser][slot] = place;
  }

  /** The first key/value head that a selector chooses for. */
  private int firstHead(int chooser) {
    return chooser * shape.kvHeads() / selectors.size();
  }

  /**
   * Writes un-rotated keys into the far keys, for the heads of a selector: whole panels where they
   * fall together with those of the far keys, and other rows one by one.
   *
   * @param from keys, {@code [kvHeads, fromRows, D]}
   * @param fromRow the first of them
   * @param row where it goes
   * @param place its place among the far keys; those of the others follow
   * @param count number of keys of a head
   */
  private void putFarKeys(
      WorkingSet set,
      int chooser,
      MemorySegment from,
      int fromRow,
      int fromRows,
      int row,
      int place,
      int count) {
    int panel = kernel.keyPanel();
    int done = 0;
    while (done < count) {
      boolean whole = (row + done) % panel == 0 && count - done >= panel;
      RotaryEmbedding.Rotator turning = whole ? buffers.panelRotator() : buffers.farRotator;
      int rows = whole ? panel : 1;
      for (int key = 0; key < rows && !positions.keepsKeys(); key++) {
        turning.turnTo(key, positions.keys(), positions.keyRow(place + done + key), 1f);
      }
      float[] keys = buffers.panelKeys;
      for (int head = firstHead(chooser); head < firstHead(chooser + 1); head++) {
        readColumns(from, set.offset(head, fromRow + done, fromRows), rows);
        if (!positions.keepsKeys()) {
          turning.rotate(keys, 0, keys, 0);
        }
        if (whole) {
          set.farKeys().putPanel(head, row + done, keys);
        } else {
          set.farKeys().put(head, row + done, keys, 0);
        }
      }
      done += rows;
    }
  }

  /** Copies rows of keys to {@link LayerBuffers#panelKeys}, channel by channel. */
  private void readColumns(MemorySegment from, long at, int count) {
    int dim = shape.headDim();
    float[] rows = buffers.panelRows;
    float[] keys = buffers.panelKeys;
    MemorySegment.copy(from, JAVA_FLOAT, at, rows, 0, count * dim);
    for (int channel = 0; channel < dim; channel++) {
      for (int row = 0; row < count; row++) {
        keys[channel * count + row] = rows[row * dim + channel];
      }
    }
  }

  /** Copies tokens that leave the window during this query block to the sinks and remainder. */
  private void fillFar(WorkingSet set, QueryBlock block) {
    int end = timeline.farEnd(block.to() - 1);
    if (!timeline.hasFarMemory()) {
      end = Math.min(end, layout.sinks());
    }
    for (int chooser = 0; chooser < selectors.size(); chooser++) {
      putRecentKeys(set, chooser, farFilled, end, block.remainderStart());
    }
    for (int token = farFilled; token < end; token++) {
      for (int head = 0; head < shape.kvHeads(); head++) {
        MemorySegment.copy(
            set.values(),
            set.offset(head, layout.far() + token % layout.window(), layout.width()),
            set.values(),
            set.offset(head, farRow(token, block.remainderStart()), layout.width()),
            shape.vectorBytes());
      }
    }
    farFilled = Math.max(farFilled, end);
  }

  /** Writes keys of sinks or of tokens in the remainder, for the heads of a selector. */
  private void putRecentKeys(WorkingSet set, int chooser, int from, int to, int remainderStart) {
    for (int token = from; token < to; ) {
      int row = token % layout.recent();
      boolean sink = token < layout.sinks();
      int end = Math.min(sink ? Math.min(layout.sinks(), to) : to, token + layout.recent() - row);
      int place = sink ? token : remainderPlaces[chooser] + token - remainderStart;
      putFarKeys(
          set,
          chooser,
          set.recentKeys(),
          row,
          layout.recent(),
          farRow(token, remainderStart),
          place,
          end - token);
      token = end;
    }
  }

  private int farRow(int token, int remainderStart) {
    return token < layout.sinks() ? token : layout.remainderAt() + token - remainderStart;
  }

  /** Takes a tile's keys and values into the window. */
  private void remember(
      WorkingSet set, Tile tile, int first, Angles angles, TokenMatrix keys, TokenMatrix values) {
    int dim = shape.headDim();
    int width = shape.kvHeads() * dim;
    for (int token = tile.from(); token < tile.to(); token++) {
      int windowRow = token % layout.window();
      int recentRow = token % layout.recent();
      keys.read(token - first, buffers.vectors, width);
      buffers.rotator.turnTo(angles, token - first, 1f);
      for (int head = 0; head < shape.kvHeads(); head++) {
        int at = head * dim;
        buffers.rotator.rotate(buffers.vectors, at, buffers.rotated, at);
        put(buffers.vectors, at, set.recentKeys(), set.offset(head, recentRow, layout.recent()));
        set.windowKeys().put(head, windowRow, buffers.rotated, at);
      }
      values.read(token - first, buffers.vectors, width);
      for (int head = 0; head < shape.kvHeads(); head++) {
        put(
            buffers.vectors,
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
      Tile tile, QueryBlock block, int first, Angles windowAngles, TokenMatrix queries) {
    int dim = shape.headDim();
    int count = tile.to() - tile.from();
    int members = shape.heads() / selectors.size();
    for (int i = 0; i < count; i++) {
      int token = tile.from() + i;
      queries.read(token - first, buffers.vectors, shape.heads() * dim);
      buffers.rotator.turnTo(windowAngles, token - first, shape.scale());
      for (int head = 0; head < shape.heads(); head++) {
        if (head % members == 0) {
          int position =
              positions.queryRow(token, block.remainderStart(), remainderPlaces[head / members]);
          buffers.farRotator.turnTo(positions.queries(), position, shape.scale());
        }
        int from = head * dim;
        int to = tile.buffers().row(head, i) * dim;
        buffers.rotator.rotate(buffers.vectors, from, buffers.tileQueries, to);
        buffers.farRotator.rotate(buffers.vectors, from, buffers.tileFarQueries, to);
      }
    }
    int floats = count * shape.heads() * dim;
    MemorySegment.copy(
        buffers.tileQueries, 0, tile.buffers().windowQueries(), JAVA_FLOAT, 0, floats);
    MemorySegment.copy(
        buffers.tileFarQueries, 0, tile.buffers().farQueries(), JAVA_FLOAT, 0, floats);
  }

  private void writeOutput(Tile tile, int first, TokenMatrix output) {
    int dim = shape.headDim();
    int width = shape.heads() * dim;
    int count = tile.to() - tile.from();
    MemorySegment.copy(
        tile.buffers().output(), JAVA_FLOAT, 0, buffers.tileQueries, 0, count * width);
    for (int i = 0; i < count; i++) {
      for (int head = 0; head < shape.heads(); head++) {
        System.arraycopy(
            buffers.tileQueries,
            tile.buffers().row(head, i) * dim,
            buffers.vectors,
            head * dim,
            dim);
      }
      output.write(tile.from() + i - first, buffers.vectors, 0, width);
    }
  }

  /** Adds the tile's softmax weights to the scores of the tokens in the window. */
  private void countMass(WorkingSet set, Tile tile) {
    if (!timeline.hasFarMemory()) {
      return;
    }
    int window = layout.window();
    int recent = layout.recent();
    int local = Math.max(0, tile.from() - timeline.config().nLocal() + 1);
    QueryTile queries = tile.buffers();
    for (int head = 0; head < shape.heads(); head++) {
      for (int part = 0; part < queries.parts(); part++) {
        long at = (long) queries.massRow(head, part) * layout.width() + layout.far();
        MemorySegment.copy(queries.mass(), JAVA_FLOAT, at * Float.BYTES, buffers.mass, 0, window);
        // Runs of tokens that are contiguous in both rings.
        for (int token = local; token < tile.to(); ) {
          int from = token % window;
          int to = token % recent;
          int run = Math.min(tile.to() - token, Math.min(window - from, recent - to));
          add(buffers.mass, from, set.recentScores(), head * recent + to, run);
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

  private void weighSlots(int chosen, QueryTile tile) {
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
      int[] of = slots[head * selectors.size() / shape.heads()];
      for (int slot = 0; slot < topK; slot++) {
        if (of[slot] == block) {
          most = Math.max(most, slotWeights[head * topK + slot]);
        }
      }
    }
    return most;
  }

  private void formBlocks(WorkingSet set, int tokens) {
    while (store.size() < timeline.blocks(tokens)) {
      formBlock(set, remainderFirst());
    }
  }

  private void formBlock(WorkingSet set, int firstToken) {
    int rows = layout.blockSize();
    long bytes = store.shape().headBytes();
    float[] scores = new float[shape.heads() * rows];
    for (int i = 0; i < rows; i++) {
      int recentRow = (firstToken + i) % layout.recent();
      for (int head = 0; head < shape.kvHeads(); head++) {
        MemorySegment.copy(
            set.recentKeys(),
            set.offset(head, recentRow, layout.recent()),
            buffers.blockKeys,
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
          buffers.blockValues,
          head * bytes,
          bytes);
    }
    int left = farFilled - firstToken - rows;
    float[] representative =
        selectors.getFirst().representative(buffers.blockKeys.toArray(JAVA_FLOAT), scores, rows);
    store.append(buffers.blockKeys, buffers.blockValues, representative);
    addToIndexes(representative);
    // What is behind the remainder's first block moves to its front.
    int to = layout.remainderAt();
    int from = to + rows;
    set.farKeys().copyFrom(set.farKeys(), from, to, left);
    for (int head = 0; head < shape.kvHeads(); head++) {
      MemorySegment.copy(
          set.values(),
          set.offset(head, from, layout.width()),
          set.values(),
          set.offset(head, to, layout.width()),
          left * shape.vectorBytes());
    }
    Arrays.fill(remainderPlaces, EMPTY);
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
