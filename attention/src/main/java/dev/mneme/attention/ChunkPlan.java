package dev.mneme.attention;

import dev.mneme.attention.selection.BlockSelector;
import dev.mneme.attention.selection.WordSearch;
import dev.mneme.memory.index.BlockIndex.Hits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How the tokens of one chunk are attended: its query blocks, their tiles and masks. Every layer
 * follows the same plan; only the chosen blocks differ.
 *
 * @param from first token of the chunk
 * @param queryBlocks in order, tiling the chunk
 */
record ChunkPlan(int from, List<QueryBlock> queryBlocks) {

  /**
   * Queries that share one choice of blocks.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @param chosen number of blocks that are chosen
   * @param remainderStart first token that is neither sink nor in a block
   * @param words blocks that words found for it
   * @param copied what comes near to be repeated, see {@link MemoryConfig#prefixMatch}
   * @param tiles in order, tiling the query block
   */
  record QueryBlock(
      int from,
      int to,
      int chosen,
      int remainderStart,
      Hits words,
      PrefixMatch copied,
      List<Tile> tiles) {

    /** The same query block, for which a token in a block comes near and its rivals are hidden. */
    QueryBlock copying(PrefixMatch match) {
      return new QueryBlock(from, to, chosen, remainderStart, words, match, tiles);
    }
  }

  /**
   * Queries that go through the kernel together.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @param buffers whose mask is filled in
   */
  record Tile(int from, int to, QueryTile buffers) {}

  /** Takes a tile for a number of queries; the second number counts the chunk's tiles. */
  interface TileSource {
    QueryTile tile(int queries, int number);
  }

  /**
   * Plans a chunk and fills in the masks of its tiles.
   *
   * @param from first token, inclusive
   * @param to last token, exclusive
   * @param words finds blocks by the text of the chunk
   */
  static ChunkPlan of(
      Timeline timeline,
      WorkingLayout layout,
      int from,
      int to,
      WordSearch words,
      TileSource source) {
    List<QueryBlock> queryBlocks = new ArrayList<>();
    int number = 0;
    for (int start = from; start < to; ) {
      int end = start + timeline.queryBlock(start, to);
      List<Tile> tiles = new ArrayList<>();
      for (int first = start; first < end; first += timeline.tile()) {
        int last = Math.min(first + timeline.tile(), end);
        Tile tile = new Tile(first, last, source.tile(last - first, number++));
        fillMask(timeline, layout, start, end, tile);
        tiles.add(tile);
      }
      int chosen = timeline.chosen(start);
      Hits found =
          chosen == 0
              ? Hits.NONE
              : words.search(timeline.blocks(start), end, BlockSelector.candidates(chosen));
      queryBlocks.add(
          new QueryBlock(
              start, end, chosen, timeline.remainderStart(start), found, PrefixMatch.NONE, tiles));
      start = end;
    }
    return new ChunkPlan(from, queryBlocks);
  }

  private static void fillMask(
      Timeline timeline, WorkingLayout layout, int blockFrom, int blockTo, Tile tile) {
    MemoryConfig config = timeline.config();
    float[] row = new float[layout.width()];
    int slotRows = timeline.chosen(blockFrom) * layout.blockSize();
    for (int query = tile.from(); query < tile.to(); query++) {
      // The published mask lets every query see all that leaves the window within its query block.
      int farEnd = timeline.farEnd(config.mask() == Mask.PUBLISHED ? blockTo - 1 : query);
      int remainder = timeline.hasFarMemory() ? farEnd - timeline.remainderStart(blockFrom) : 0;
      Arrays.fill(row, Float.NEGATIVE_INFINITY);
      open(row, 0, Math.min(farEnd, layout.sinks()));
      open(row, layout.slotsAt(), slotRows);
      open(row, layout.remainderAt(), Math.min(remainder, layout.remainder()));
      int local = Math.max(0, query - config.nLocal() + 1);
      int first = local % layout.window();
      int count = query + 1 - local;
      int run = Math.min(count, layout.window() - first); // The rest begins at the ring's front.
      open(row, layout.far() + first, run);
      open(row, layout.far(), count - run);
      tile.buffers().mask(query - tile.from(), row);
    }
  }

  private static void open(float[] row, int from, int count) {
    if (count > 0) {
      Arrays.fill(row, from, from + count, 0);
    }
  }
}
