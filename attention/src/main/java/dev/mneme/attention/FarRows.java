package dev.mneme.attention;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.google.common.primitives.Ints;
import dev.mneme.attention.ChunkPlan.QueryBlock;
import dev.mneme.attention.RotaryEmbedding.Rotator;
import dev.mneme.memory.file.StateInput;
import dev.mneme.memory.file.StateOutput;
import dev.mneme.memory.store.BlockStore;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What is in the far rows of one layer's {@link WorkingSet}: sinks, the chosen blocks in their
 * slots, and the remainder.
 *
 * <p>A block stays in its slot for as long as it is chosen. Where keys have the order of the text
 * ({@link Positions#ORDERED}), blocks that come and go change the places of others, whose keys are
 * then rotated anew. Not thread-safe.
 */
final class FarRows {

  private static final int EMPTY = -1;

  private final AttentionShape shape;
  private final Timeline timeline;
  private final FarPositions positions;
  private final BlockStore store;

  /** The block in each slot, for each chooser: one for all heads, or one a key/value head. */
  private final int[][] slots;

  /** The place at which that block was rotated. */
  private final int[][] places;

  /** For each chooser, the place at which the remainder's first row was rotated. */
  private final int[] remainderPlaces;

  /** One past the last token copied into the sinks or the remainder. */
  private int filled;

  /**
   * Empty rows.
   *
   * @param store whose blocks come into the slots
   * @param choosers 1, or the number of key/value heads
   */
  FarRows(
      AttentionShape shape,
      Timeline timeline,
      FarPositions positions,
      BlockStore store,
      int choosers) {
    this.shape = shape;
    this.timeline = timeline;
    this.positions = positions;
    this.store = store;
    slots = new int[choosers][timeline.config().topK()];
    places = new int[choosers][timeline.config().topK()];
    remainderPlaces = new int[choosers];
    for (int[] of : slots) {
      Arrays.fill(of, EMPTY);
    }
    Arrays.fill(remainderPlaces, EMPTY);
  }

  /**
   * Takes over what the same layer of another session holds, whose working set is shared at first.
   */
  void copyFrom(FarRows origin) {
    for (int chooser = 0; chooser < slots.length; chooser++) {
      System.arraycopy(origin.slots[chooser], 0, slots[chooser], 0, slots[chooser].length);
      System.arraycopy(origin.places[chooser], 0, places[chooser], 0, slots[chooser].length);
    }
    System.arraycopy(origin.remainderPlaces, 0, remainderPlaces, 0, slots.length);
    filled = origin.filled;
  }

  /** Writes which rows are filled, for {@link #restore}. */
  void save(StateOutput output) throws IOException {
    for (int[] of : slots) {
      for (int block : of) {
        output.writeInt(block);
      }
    }
    output.writeInt(filled);
    output.writeInt(remainderPlaces[0]);
  }

  /** Reads what {@link #save} wrote; {@link #refill} brings the blocks. */
  void restore(StateInput input) throws IOException {
    for (int[] of : slots) {
      for (int slot = 0; slot < of.length; slot++) {
        of[slot] = input.readInt();
      }
    }
    filled = input.readInt();
    input.readInt(); // The remainder's place differs by chooser: each finds its own again.
  }

  /** Brings the blocks of a restored state from the store into a working set that has the rest. */
  void refill(WorkingSet set, Lanes lanes) {
    List<Lanes.Step> steps = new ArrayList<>();
    for (int chooser = 0; chooser < slots.length; chooser++) {
      int[] blocks = Arrays.stream(slots[chooser]).takeWhile(block -> block != EMPTY).toArray();
      Arrays.fill(slots[chooser], EMPTY);
      fillSlots(set, chooser, blocks, positions.places(blocks, remainderFirst()), steps);
    }
    lanes.run(steps);
  }

  /** First token that is neither a sink nor in a block of the store. */
  int remainderFirst() {
    return timeline.config().nInit() + store.size() * timeline.config().blockSize();
  }

  /** Rows of the remainder that are filled. */
  int remainderRows() {
    return Math.max(0, filled - remainderFirst());
  }

  /** Place of the remainder's first row as the heads of a chooser see it. */
  int remainderPlace(int chooser) {
    return remainderPlaces[chooser];
  }

  /**
   * The column of a token of a block in a slot; -1 if it is in none, or where heads choose for
   * themselves and see different blocks in one slot.
   */
  int column(int token, WorkingLayout layout) {
    int behind = token - timeline.config().nInit();
    if (behind < 0 || slots.length > 1) {
      return -1;
    }
    int slot = Ints.indexOf(slots[0], behind / layout.blockSize());
    return slot < 0
        ? -1
        : layout.slotsAt() + slot * layout.blockSize() + behind % layout.blockSize();
  }

  /** The block in each slot of a chooser. */
  int[] slots(int chooser) {
    return slots[chooser];
  }

  /**
   * Brings the chosen blocks into slots, the remainder to its place behind them, and the tokens
   * that leave the window during a query block to the sinks and the remainder.
   *
   * @param chosen the blocks of each chooser, ascending
   */
  void update(WorkingSet set, QueryBlock block, int[][] chosen, Lanes lanes) {
    int start = block.remainderStart();
    int end = timeline.farEnd(block.to() - 1);
    if (!timeline.hasFarMemory()) {
      end = Math.min(end, set.layout().sinks());
    }
    end = Math.max(end, filled);
    List<Lanes.Step> steps = new ArrayList<>();
    for (int chooser = 0; chooser < slots.length; chooser++) {
      int[] blocks = inPlace(slots[chooser], chosen[chooser]);
      int[] wanted = positions.places(blocks, block);
      fillSlots(set, chooser, blocks, wanted, steps);
      int place = wanted[blocks.length];
      boolean moved = positions.isOrdered() && place != remainderPlaces[chooser];
      remainderPlaces[chooser] = place;
      fillRecent(set, chooser, moved ? Math.min(start, filled) : filled, end, start, steps);
    }
    lanes.run(steps);
    filled = end;
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

  /** Adds what brings blocks into their slots at the wanted places, and begins to read them. */
  private void fillSlots(
      WorkingSet set, int chooser, int[] blocks, int[] wanted, List<Lanes.Step> steps) {
    int[] missing = new int[blocks.length];
    int count = 0;
    for (int slot = 0; slot < blocks.length; slot++) {
      int block = blocks[slot];
      int place = wanted[slot];
      boolean present = slots[chooser][slot] == block;
      if (present && (places[chooser][slot] == place || !positions.isOrdered())) {
        continue;
      }
      if (!present) {
        missing[count++] = block;
      }
      int row = set.layout().slotsAt() + slot * set.layout().blockSize();
      steps.add(lane -> fillSlot(set, chooser, block, !present, row, place, lane));
      slots[chooser][slot] = block;
      places[chooser][slot] = place;
    }
    store.prefetch(Arrays.copyOf(missing, count));
  }

  private void fillSlot(
      WorkingSet set, int chooser, int block, boolean values, int row, int place, Lane lane) {
    long bytes = store.shape().headBytes();
    for (int head = firstHead(chooser); head < firstHead(chooser + 1); head++) {
      store.readKeys(block, head, lane.blockKeys.asSlice(head * bytes, bytes));
      if (values) {
        long at = set.offset(head, row, set.layout().width());
        store.readValues(block, head, set.values().asSlice(at, bytes));
      }
    }
    int rows = set.layout().blockSize();
    putKeys(set, chooser, lane.blockKeys, 0, rows, row, place, rows, lane);
  }

  /** The first key/value head that a chooser chooses for. */
  private int firstHead(int chooser) {
    return chooser * shape.kvHeads() / slots.length;
  }

  /**
   * Adds what writes keys of tokens that are sinks or in the remainder, and values of new ones.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   */
  private void fillRecent(
      WorkingSet set, int chooser, int from, int to, int remainderStart, List<Lanes.Step> steps) {
    WorkingLayout layout = set.layout();
    int newFrom = filled;
    int end;
    for (int token = from; token < to; token = end) {
      int first = token;
      int ringRow = first % layout.recent();
      int ringEnd = first + layout.recent() - ringRow;
      boolean sink = first < layout.sinks();
      int behind = first - remainderStart;
      int row = sink ? first : layout.remainderAt() + behind;
      int place = sink ? first : remainderPlaces[chooser] + behind;
      int partEnd =
          sink ? layout.sinks() : first + layout.blockSize() - behind % layout.blockSize();
      end = Ints.min(to, ringEnd, partEnd);
      int last = end;
      steps.add(lane -> {
        int count = last - first;
        putKeys(set, chooser, set.recentKeys(), ringRow, layout.recent(), row, place, count, lane);
        for (int added = Math.max(newFrom, first); added < last; added++) {
          putValues(set, chooser, added, row + added - first);
        }
      });
    }
  }

  /** Copies the values of a token in the window to a far row, for the heads of a chooser. */
  private void putValues(WorkingSet set, int chooser, int token, int row) {
    WorkingLayout layout = set.layout();
    for (int head = firstHead(chooser); head < firstHead(chooser + 1); head++) {
      MemorySegment.copy(
          set.values(),
          set.offset(head, layout.far() + token % layout.window(), layout.width()),
          set.values(),
          set.offset(head, row, layout.width()),
          shape.vectorBytes());
    }
  }

  /**
   * Writes un-rotated keys into the far keys, for the heads of a chooser: whole panels where they
   * fall together with those of the far keys, and other rows one by one.
   *
   * @param from keys, {@code [kvHeads, fromRows, D]}
   * @param fromRow the first of them
   * @param row where it goes
   * @param place its place among the far keys; those of the others follow
   * @param count number of keys of a head
   */
  private void putKeys(
      WorkingSet set,
      int chooser,
      MemorySegment from,
      int fromRow,
      int fromRows,
      int row,
      int place,
      int count,
      Lane lane) {
    KeyRows far = set.farKeys();
    float[] keys = lane.panelKeys;
    int done = 0;
    while (done < count) {
      boolean whole = (row + done) % far.panel() == 0 && count - done >= far.panel();
      Rotator turning = whole ? lane.panelRotator : lane.farRotator;
      int rows = whole ? far.panel() : 1;
      for (int key = 0; key < rows && !positions.keepsKeys(); key++) {
        turning.turnTo(key, positions.keys(), positions.keyRow(place + done + key), 1f);
      }
      for (int head = firstHead(chooser); head < firstHead(chooser + 1); head++) {
        readColumns(from, set.offset(head, fromRow + done, fromRows), rows, lane);
        if (!positions.keepsKeys()) {
          turning.rotate(keys, 0, keys, 0);
        }
        if (whole) {
          far.putPanel(head, row + done, keys);
        } else {
          far.put(head, row + done, keys, 0);
        }
      }
      done += rows;
    }
  }

  /** Copies rows of keys to {@link Lane#panelKeys}, channel by channel. */
  private void readColumns(MemorySegment from, long at, int count, Lane lane) {
    int dim = shape.headDim();
    float[] rows = lane.panelRows;
    float[] keys = lane.panelKeys;
    MemorySegment.copy(from, JAVA_FLOAT, at, rows, 0, count * dim);
    for (int channel = 0; channel < dim; channel++) {
      for (int row = 0; row < count; row++) {
        keys[channel * count + row] = rows[row * dim + channel];
      }
    }
  }

  /**
   * Moves what is behind the remainder's first block to its front, as that block is left out. Keys
   * that have places get new ones and are written again anyway.
   */
  void dropFirstBlock(WorkingSet set) {
    WorkingLayout layout = set.layout();
    int to = layout.remainderAt();
    int from = to + layout.blockSize();
    int left = remainderRows() - layout.blockSize();
    if (!positions.isOrdered()) {
      set.farKeys().copyFrom(set.farKeys(), from, to, left);
    }
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
}
