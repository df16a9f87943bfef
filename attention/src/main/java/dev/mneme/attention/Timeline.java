package dev.mneme.attention;

/**
 * Where each token of a text is kept, as a function of how many were read.
 *
 * <p>After {@code t} tokens, at the end of a query block: the first {@code nInit} tokens are sinks
 * once they left the window, block {@code b} holds tokens {@code [nInit + b * blockSize, nInit + (b
 * + 1) * blockSize)}, and a block is formed as soon as its last token left the window (InfLLM, Xiao
 * et al. 2024).
 */
record Timeline(MemoryConfig config, int tile) {

  /** Whether tokens that leave the window are kept in blocks. */
  boolean hasFarMemory() {
    return config.topK() > 0;
  }

  /** Number of blocks after {@code t} tokens. */
  int blocks(int t) {
    return hasFarMemory()
        ? Math.max(0, Math.floorDiv(t - config.nInit() - config.nLocal(), config.blockSize()))
        : 0;
  }

  /** The first token after {@code t} tokens that is neither a sink nor in a block. */
  int remainderStart(int t) {
    return config.nInit() + blocks(t) * config.blockSize();
  }

  /** One past the last token that the query at position {@code p} sees as far. */
  int farEnd(int p) {
    return Math.max(0, p - config.nLocal() + 1);
  }

  /** Blocks chosen by a query block that starts at token {@code t}. */
  int chosen(int t) {
    return Math.min(config.topK(), blocks(t));
  }

  /**
   * What a text would repeat from a block after a chunk from {@code start} inclusive to {@code end}
   * exclusive, with rivals in that block and those on either side; only single queries copy.
   */
  PrefixMatch repeated(int[] text, int start, int end) {
    boolean copies =
        end - start == 1
            && chosen(start) > 0
            && config.prefixMatch() > 0
            && config.positions() == Positions.ORDERED;
    int next = copies ? PrefixMatch.next(text, end, config.prefixMatch()) : PrefixMatch.NOTHING;
    if (next < config.nInit() || next >= remainderStart(start)) {
      return PrefixMatch.NONE;
    }
    int block = (next - config.nInit()) / config.blockSize();
    int from = config.nInit() + Math.max(0, block - 1) * config.blockSize();
    int to = Math.min(config.nInit() + (block + 2) * config.blockSize(), remainderStart(start));
    return PrefixMatch.of(text, end, next, from, to);
  }

  /**
   * Number of tokens of the query block that starts at token {@code t} and may end at {@code end}.
   */
  int queryBlock(int t, int end) {
    return Math.min(config.queryBlock(), end - t);
  }

  /**
   * The rows needed to attend tokens {@code from} inclusive to {@code to} exclusive. Rows grow by
   * doubling up to what the configuration needs at most, so that short texts stay small; the
   * remainder shrinks again for single tokens, where its rows would cost most.
   */
  WorkingLayout layout(WorkingLayout before, int from, int to) {
    int window = config.nLocal() + tile - 1;
    int recent = config.nLocal() + config.queryBlock() + config.blockSize();
    boolean anyFar = to > config.nLocal();
    int remainder = 0;
    for (int start = from; start < to && hasFarMemory(); ) {
      int end = start + queryBlock(start, to);
      remainder = Math.max(remainder, farEnd(end - 1) - remainderStart(start));
      start = end;
    }
    int lastStart = to - 1 - (to - from - 1) % config.queryBlock();
    return new WorkingLayout(
        config.blockSize(),
        anyFar ? config.nInit() : 0,
        grow(before.slots(), chosen(lastStart), 1, config.topK()),
        to - from > 1 && remainder < before.remainder()
            ? before.remainder()
            : roundUp(anyFar && hasFarMemory() ? Math.max(1, remainder) : 0, config.blockSize()),
        grow(before.window(), to, 64, window),
        grow(before.recent(), to, 64, recent));
  }

  private static int grow(int before, int needed, int least, int most) {
    int rows = Math.max(before, needed == 0 ? 0 : least);
    while (rows < needed && rows < most) {
      rows *= 2;
    }
    return Math.min(rows, most);
  }

  private static int roundUp(int rows, int unit) {
    return (Math.max(rows, 0) + unit - 1) / unit * unit;
  }
}
