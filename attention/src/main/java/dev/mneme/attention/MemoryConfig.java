package dev.mneme.attention;

import static com.google.common.base.Preconditions.checkArgument;

/**
 * How much a session keeps close, how it keeps the rest and how it finds it again. Immutable.
 *
 * <p>Attention of every token sees at most {@code nInit + topK * blockSize + nLocal} tokens, and
 * the fewer than {@code blockSize + queryBlock} that are on their way into a block. In parentheses:
 * the names in InfLLM's published code.
 *
 * @param nInit attention sinks: the first tokens, always attended ({@code n_init})
 * @param nLocal tokens of the sliding local window, the query itself included ({@code n_local})
 * @param blockSize tokens of a far block ({@code block_size})
 * @param topK far blocks chosen by a query block; 0 for no far memory: what leaves the window is
 *     dropped, sinks excepted
 * @param representatives tokens whose mean key stands for a block, per query head ({@code
 *     repr_topk})
 * @param queryBlock consecutive queries that share one choice of blocks ({@code exc_block_size})
 * @param sharpTail last tokens of a prompt that are read in smaller query blocks, so that a
 *     question is not diluted by the text before it; the very last token always chooses alone
 * @param sharpBlock tokens of those smaller query blocks
 * @param distanceScale factor on all positions ({@code distance_scale}); below 1 it is position
 *     interpolation
 * @param farDistance distance in tokens from which queries look for blocks and, with {@link
 *     Positions#INFLLM}, at which they attend all far keys; with {@link Positions#ORDERED}, from
 *     which they copy; InfLLM ties it to {@code nLocal - 1}
 * @param positions where far keys stand
 * @param maxGap with {@link Positions#ORDERED}, most positions that tokens left out between two
 *     chosen blocks take up
 * @param mask which tokens between window and blocks a query sees
 * @param words whether blocks are also found by words that they share with the last {@code
 *     queryBlock} tokens
 * @param wordWeight what words count with {@link Words#WEIGHTED}, from 0 to 1; keys count the rest
 * @param choosers who chooses {@code topK} blocks: each layer, or each of its key/value heads
 * @param neighbours blocks on either side of a block found that are chosen with it, in place of
 *     others found
 * @param prefixMatch with {@link Positions#ORDERED}, last tokens of the text that must occur in a
 *     chosen block for a single query to attend a second time, with that block near, to copy what
 *     follows them there; other tokens that followed the last of them near that place are then
 *     hidden with {@link Choosers#LAYER}, so that repetitions are not miscounted; 0 to never copy
 */
public record MemoryConfig(
    int nInit,
    int nLocal,
    int blockSize,
    int topK,
    int representatives,
    int queryBlock,
    int sharpTail,
    int sharpBlock,
    double distanceScale,
    int farDistance,
    Positions positions,
    int maxGap,
    Mask mask,
    Words words,
    double wordWeight,
    Choosers choosers,
    int neighbours,
    int prefixMatch) {

  /** Checks the values against each other. */
  public MemoryConfig {
    checkArgument(nInit >= 0, "nInit must not be negative: %s", nInit);
    checkArgument(blockSize > 0, "blockSize must be positive: %s", blockSize);
    checkArgument(topK >= 0, "topK must not be negative: %s", topK);
    checkArgument(
        1 <= representatives && representatives <= blockSize,
        "representatives must be 1 to blockSize: representatives %s, blockSize %s",
        representatives,
        blockSize);
    checkArgument(queryBlock > 0, "queryBlock must be positive: %s", queryBlock);
    checkArgument(
        nLocal >= queryBlock,
        "nLocal must be at least queryBlock: nLocal %s, queryBlock %s",
        nLocal,
        queryBlock);
    checkArgument(sharpTail >= 0, "sharpTail must not be negative: %s", sharpTail);
    checkArgument(
        1 <= sharpBlock && sharpBlock <= queryBlock,
        "sharpBlock must be 1 to queryBlock: sharpBlock %s, queryBlock %s",
        sharpBlock,
        queryBlock);
    checkArgument(
        Double.isFinite(distanceScale) && distanceScale > 0,
        "distanceScale must be positive and finite: %s",
        distanceScale);
    checkArgument(farDistance >= 0, "farDistance must not be negative: %s", farDistance);
    checkArgument(maxGap >= 0, "maxGap must not be negative: %s", maxGap);
    checkArgument(
        positions != Positions.ORDERED
            || orderedPositions(nInit, nLocal, blockSize, topK, queryBlock, maxGap) <= 1 << 20,
        "ordered positions must not exceed 2^20: nInit %s, nLocal %s, blockSize %s, topK %s, maxGap"
            + " %s",
        nInit,
        nLocal,
        blockSize,
        topK,
        maxGap);
    checkArgument(wordWeight >= 0 && wordWeight <= 1, "wordWeight must be 0 to 1: %s", wordWeight);
    checkArgument(neighbours >= 0, "neighbours must not be negative: %s", neighbours);
    checkArgument(
        0 <= prefixMatch && prefixMatch <= PrefixMatch.LONGEST,
        "prefixMatch must be 0 to %s: %s",
        PrefixMatch.LONGEST,
        prefixMatch);
  }

  /** The defaults, chosen by measurement on a 135M-parameter model. */
  public static MemoryConfig defaults() {
    return builder().build();
  }

  /** No memory: the last {@code nLocal} tokens only. */
  public static MemoryConfig windowOnly(int nLocal) {
    return sinksAndWindow(0, nLocal);
  }

  /** No memory: the first {@code nInit} and the last {@code nLocal} tokens (StreamingLLM). */
  public static MemoryConfig sinksAndWindow(int nInit, int nLocal) {
    return builder()
        .nInit(nInit)
        .nLocal(nLocal)
        .queryBlock(Math.min(nLocal, defaults().queryBlock()))
        .topK(0)
        .positions(Positions.ORDERED)
        .maxGap(0)
        .build();
  }

  /** Positions that far keys and queries take up with {@link Positions#ORDERED}. */
  int orderedPositions() {
    return (int) orderedPositions(nInit, nLocal, blockSize, topK, queryBlock, maxGap);
  }

  /**
   * The largest distance, in positions of the rotation, at which a query can see a key: no text
   * need be longer than that for the model, however many tokens it has.
   */
  public long largestDistance() {
    int tokens =
        positions == Positions.ORDERED ? orderedPositions() : Math.max(nLocal, farDistance);
    return (long) Math.ceil(tokens * distanceScale);
  }

  private static long orderedPositions(
      int nInit, int nLocal, int blockSize, int topK, int queryBlock, int maxGap) {
    return nInit + (topK + 1L) * ((long) blockSize + maxGap) + blockSize + nLocal + queryBlock;
  }

  /** A builder that starts with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts with these values. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.nInit = nInit;
    builder.nLocal = nLocal;
    builder.blockSize = blockSize;
    builder.topK = topK;
    builder.representatives = representatives;
    builder.queryBlock = queryBlock;
    builder.sharpTail = sharpTail;
    builder.sharpBlock = sharpBlock;
    builder.distanceScale = distanceScale;
    builder.farDistance = farDistance;
    builder.positions = positions;
    builder.maxGap = maxGap;
    builder.mask = mask;
    builder.words = words;
    builder.wordWeight = wordWeight;
    builder.choosers = choosers;
    builder.neighbours = neighbours;
    builder.prefixMatch = prefixMatch;
    return builder;
  }

  /** Sets values by name; see {@link MemoryConfig} for what they mean. Not thread-safe. */
  public static final class Builder {

    private int nInit = 64;
    private int nLocal = 1024;
    private int blockSize = 64;
    private int topK = 8;
    private int representatives = 4;
    private int queryBlock = 128;
    private int sharpTail;
    private int sharpBlock = 1;
    private double distanceScale = 1;
    private int farDistance = 512;
    private Positions positions = Positions.ORDERED;
    private int maxGap = 768;
    private Mask mask = Mask.FIXED;
    private Words words = Words.WEIGHTED;
    private double wordWeight = 0.5;
    private Choosers choosers = Choosers.LAYER;
    private int neighbours;
    private int prefixMatch = 4;

    private Builder() {}

    /** Sets the number of attention sinks. */
    public Builder nInit(int value) {
      nInit = value;
      return this;
    }

    /** Sets the tokens of the local window. */
    public Builder nLocal(int value) {
      nLocal = value;
      return this;
    }

    /** Sets the tokens of a far block. */
    public Builder blockSize(int value) {
      blockSize = value;
      return this;
    }

    /** Sets how many far blocks are chosen. */
    public Builder topK(int value) {
      topK = value;
      return this;
    }

    /** Sets how many tokens represent a block. */
    public Builder representatives(int value) {
      representatives = value;
      return this;
    }

    /** Sets how many queries share a choice of blocks. */
    public Builder queryBlock(int value) {
      queryBlock = value;
      return this;
    }

    /** Sets how many tokens at the end of a prompt are read in smaller query blocks. */
    public Builder sharpTail(int value) {
      sharpTail = value;
      return this;
    }

    /** Sets the tokens of those smaller query blocks. */
    public Builder sharpBlock(int value) {
      sharpBlock = value;
      return this;
    }

    /** Sets the factor on all positions. */
    public Builder distanceScale(double value) {
      distanceScale = value;
      return this;
    }

    /** Sets the distance at which far keys are looked for and attended. */
    public Builder farDistance(int value) {
      farDistance = value;
      return this;
    }

    /** Sets where far keys stand. */
    public Builder positions(Positions value) {
      positions = value;
      return this;
    }

    /** Sets how many positions left out tokens take up at most. */
    public Builder maxGap(int value) {
      maxGap = value;
      return this;
    }

    /** Sets which tokens of the remainder a query sees. */
    public Builder mask(Mask value) {
      mask = value;
      return this;
    }

    /** Sets whether blocks are also found by words. */
    public Builder words(Words value) {
      words = value;
      return this;
    }

    /** Sets what words count against keys. */
    public Builder wordWeight(double value) {
      wordWeight = value;
      return this;
    }

    /** Sets who chooses blocks. */
    public Builder choosers(Choosers value) {
      choosers = value;
      return this;
    }

    /** Sets how many blocks on either side of a block found are chosen with it. */
    public Builder neighbours(int value) {
      neighbours = value;
      return this;
    }

    /** Sets how many tokens must be the same for what follows them to be copied. */
    public Builder prefixMatch(int value) {
      prefixMatch = value;
      return this;
    }

    /** Checks the values and makes the configuration. */
    public MemoryConfig build() {
      return new MemoryConfig(
          nInit,
          nLocal,
          blockSize,
          topK,
          representatives,
          queryBlock,
          sharpTail,
          sharpBlock,
          distanceScale,
          farDistance,
          positions,
          maxGap,
          mask,
          words,
          wordWeight,
          choosers,
          neighbours,
          prefixMatch);
    }
  }
}
