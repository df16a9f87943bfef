package dev.mneme.attention;

import com.google.common.primitives.Ints;
import dev.mneme.attention.ChunkPlan.QueryBlock;
import dev.mneme.attention.RotaryEmbedding.Angles;
import java.util.Arrays;

/**
 * The positions at which far keys and the queries that look at them are rotated.
 *
 * <p>Far keys have places: sinks, chosen blocks, remainder. In scheme {@link Positions#INFLLM}
 * every far key stays at position 0 and every query is at {@code farDistance}; in scheme {@link
 * Positions#BLOCKWISE} the {@code i}-th token of a block is at position {@code i}. In scheme {@link
 * Positions#ORDERED} a key's place is its position, with at most {@code maxGap} positions for what
 * was left out in front of it, and the window follows on; what is being copied comes nearer.
 * Immutable and thread-safe.
 */
final class FarPositions {

  private final MemoryConfig config;
  private final RotaryEmbedding rotary;
  private final Positions scheme;
  private final Angles keys;
  private final Angles queries;
  private final Angles retrieval;

  FarPositions(MemoryConfig config, RotaryEmbedding rotary) {
    this.config = config;
    this.rotary = rotary;
    scheme = config.positions();
    retrieval = rotary.angles(config.farDistance(), 1);
    keys =
        switch (scheme) {
          case INFLLM -> rotary.angles(0, 1);
          case BLOCKWISE -> rotary.angles(0, config.blockSize());
          case ORDERED -> rotary.angles(0, config.orderedPositions());
        };
    queries = isOrdered() ? keys : retrieval;
  }

  /** Whether a key keeps its channels whatever its place among the far keys. */
  boolean keepsKeys() {
    return scheme == Positions.INFLLM && rotary.isIdentityAtZero();
  }

  /** Whether a key's position depends on its place among the far keys. */
  boolean isOrdered() {
    return scheme == Positions.ORDERED;
  }

  /**
   * The place of the first token of each block and, last, of the remainder; sinks are in front.
   *
   * @param blocks different ones, in any order
   * @param remainderStart first token of the remainder
   */
  int[] places(int[] blocks, int remainderStart) {
    int[] ascending = blocks.clone();
    Arrays.sort(ascending);
    int[] places = new int[blocks.length + 1];
    int place = config.nInit();
    int end = config.nInit();
    for (int block : ascending) {
      int start = config.nInit() + block * config.blockSize();
      place += gap(end, start);
      places[Ints.indexOf(blocks, block)] = place;
      place += config.blockSize();
      end = start + config.blockSize();
    }
    places[blocks.length] = place + gap(end, remainderStart);
    return places;
  }

  /**
   * The places for a query block. A token of a chosen block that comes near is {@code farDistance}
   * away from the query, unless it is nearer anyway, and so are its block and chosen ones on either
   * side. While both go on token by token, the blocks stay.
   *
   * @param blocks different ones, in any order
   */
  int[] places(int[] blocks, QueryBlock query) {
    int[] places = places(blocks, query.remainderStart());
    int copied = query.copied().next() - config.nInit();
    int block = Math.floorDiv(copied, config.blockSize());
    int at = Ints.indexOf(blocks, block);
    if (at >= 0) {
      int queryPlace = places[blocks.length] + query.from() - query.remainderStart();
      // The next block must end in front of the query.
      int distance =
          Math.max(config.farDistance() + copied % config.blockSize(), 2 * config.blockSize());
      int nearer = Math.max(0, queryPlace - distance - places[at]);
      for (int slot = 0; slot < blocks.length; slot++) {
        if (Math.abs(blocks[slot] - block) <= 1) {
          places[slot] += nearer;
        }
      }
    }
    return places;
  }

  /** Positions for what is left out between two tokens. */
  private int gap(int end, int start) {
    return isOrdered() ? Math.min(start - end, config.maxGap()) : 0;
  }

  /** Positions of far keys; {@link #keyRow} says which row is whose. */
  Angles keys() {
    return keys;
  }

  /** The row of {@link #keys()} of the far key at a place. */
  int keyRow(int place) {
    return switch (scheme) {
      case INFLLM -> 0;
      case BLOCKWISE -> place < config.nInit() ? 0 : (place - config.nInit()) % config.blockSize();
      case ORDERED -> place;
    };
  }

  /** Positions of queries as far keys see them; {@link #queryRow} says which row is whose. */
  Angles queries() {
    return queries;
  }

  /**
   * The row of {@link #queries()} of a query.
   *
   * @param token the query
   * @param remainderStart first token of the remainder
   * @param remainderPlace its place
   */
  int queryRow(int token, int remainderStart, int remainderPlace) {
    if (!isOrdered()) {
      return 0;
    }
    if (config.topK() == 0) {
      // No remainder: what is left out lies between the sinks and the window.
      return Math.min(token, config.nInit() + config.maxGap() + config.nLocal() - 1);
    }
    return remainderPlace + token - remainderStart;
  }

  /** The single position at which the mean query looks for blocks, one row. */
  Angles retrieval() {
    return retrieval;
  }
}
