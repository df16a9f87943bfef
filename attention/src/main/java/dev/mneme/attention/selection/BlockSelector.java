package dev.mneme.attention.selection;

import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.Fusion;
import dev.mneme.memory.index.VectorSource;
import java.util.Arrays;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * InfLLM's choice of blocks for one layer: a block is represented, per query head, by the mean key
 * of the tokens that received most attention while they were local, and the blocks whose
 * representatives have the largest inner product with the mean query are chosen.
 *
 * <p>With {@code r_h} the representative of query head {@code h} and {@code q_h} the mean query of
 * that head over the query block, a block's score is {@code sum over h of q_h . r_h}: one inner
 * product of vectors of {@code heads * headDim} channels. Not thread-safe.
 */
public final class BlockSelector implements AutoCloseable {

  private final BlockIndex index;
  private final int group;
  private final int headDim;
  private final int representatives;
  private final Optional<Fusion> fusion;
  private final int neighbours;

  /**
   * Makes a selector over an empty index.
   *
   * @param index of {@code heads * headDim} channels; closed with the selector
   * @param group query heads per key/value head
   * @param headDim channels per head
   * @param representatives tokens that represent a block, per query head
   * @param fusion merges what keys and words found; empty where words do not count
   * @param neighbours blocks on either side of a block found that are chosen with it
   */
  public BlockSelector(
      BlockIndex index,
      int group,
      int headDim,
      int representatives,
      Optional<Fusion> fusion,
      int neighbours) {
    this.index = index;
    this.group = group;
    this.headDim = headDim;
    this.representatives = representatives;
    this.fusion = fusion;
    this.neighbours = neighbours;
  }

  /**
   * The vector that stands for a block.
   *
   * @param keys un-rotated keys, row-major {@code [kvHeads, blockSize, headDim]}
   * @param scores attention received by each token, row-major {@code [heads, blockSize]}
   * @param blockSize tokens of the block
   * @return row-major {@code [heads, headDim]}
   */
  public float[] representative(float[] keys, float[] scores, int blockSize) {
    int heads = scores.length / blockSize;
    float[] representative = new float[heads * headDim];
    boolean[] taken = new boolean[blockSize];
    for (int head = 0; head < heads; head++) {
      Arrays.fill(taken, false);
      for (int rank = 0; rank < representatives; rank++) {
        int token = best(scores, head * blockSize, taken);
        taken[token] = true;
        int from = (head / group * blockSize + token) * headDim;
        for (int d = 0; d < headDim; d++) {
          representative[head * headDim + d] += keys[from + d] / representatives;
        }
      }
    }
    return representative;
  }

  /** Adds the next block by its {@linkplain #representative representative}. */
  public void add(float[] representative) {
    index.add(representative);
  }

  /** The token with the largest score among those not taken, the first one of equals. */
  private static int best(float[] scores, int at, boolean[] taken) {
    int best = -1;
    for (int token = 0; token < taken.length; token++) {
      if (!taken[token] && (best < 0 || scores[at + token] > scores[at + best])) {
        best = token;
      }
    }
    return best;
  }

  /**
   * Chooses at most {@code count} blocks.
   *
   * @param query mean query, row-major {@code [heads, headDim]}, rotated as representatives expect
   * @param words blocks that words found, best of {@link #candidates}; none where keys decide alone
   * @return the blocks with their inner products, or with their fused scores where words count
   */
  public Hits choose(float[] query, Hits words, int count) {
    Hits found =
        fusion.isEmpty() || words.blocks().length == 0
            ? index.search(query, count)
            : fusion.get().fuse(index.search(query, candidates(count)), words, count);
    return neighbours == 0 ? found : withNeighbours(found, count);
  }

  /** The best of the blocks found, each followed by its neighbours, up to {@code count}. */
  private Hits withNeighbours(Hits found, int count) {
    SortedMap<Integer, Float> chosen = new TreeMap<>();
    for (int hit : found.byRank()) {
      int block = found.blocks()[hit];
      for (int away = 0; away <= neighbours && chosen.size() < count; away++) {
        put(chosen, block + away, found.scores()[hit]);
        if (chosen.size() < count) {
          put(chosen, block - away, found.scores()[hit]);
        }
      }
    }
    return Hits.of(chosen);
  }

  private void put(SortedMap<Integer, Float> chosen, int block, float score) {
    if (block >= 0 && block < index.size()) {
      chosen.putIfAbsent(block, score);
    }
  }

  /** How many blocks keys and words are asked for where {@code count} of them are to be chosen. */
  public static int candidates(int count) {
    return 2 * count;
  }

  /** A selector that has seen the same blocks; see {@link BlockIndex#fork}. */
  public BlockSelector fork(VectorSource vectors) {
    return new BlockSelector(
        index.fork(vectors), group, headDim, representatives, fusion, neighbours);
  }

  /** Bytes of memory held for choosing. */
  public long residentBytes() {
    return index.residentBytes();
  }

  /** Closes the index. */
  @Override
  public void close() {
    index.close();
  }
}
