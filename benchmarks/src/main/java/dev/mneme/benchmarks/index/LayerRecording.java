package dev.mneme.benchmarks.index;

import java.util.ArrayList;
import java.util.List;

/**
 * What the index of one layer was given and asked while a model read a text.
 *
 * @param representatives of its blocks, in order
 * @param prefill mean queries of query blocks, in order
 * @param decode queries of tokens that were read alone, in order
 */
record LayerRecording(List<float[]> representatives, List<float[]> prefill, List<float[]> decode) {

  LayerRecording() {
    this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  }

  /** Channels of all vectors. */
  int dimension() {
    return representatives.getFirst().length;
  }

  /** The last {@code count} queries of each kind, which saw nearly all of the blocks. */
  LayerRecording lastQueries(int count) {
    return new LayerRecording(representatives, last(prefill, count), last(decode, count));
  }

  private static List<float[]> last(List<float[]> queries, int count) {
    return queries.subList(Math.max(0, queries.size() - count), queries.size());
  }

  /** The first {@code count} blocks, with all queries. */
  LayerRecording firstBlocks(int count) {
    return new LayerRecording(representatives.subList(0, count), prefill, decode);
  }
}
