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

  /**
   * Recordings of {@code size} blocks each: the first blocks of a layer, or where a layer has
   * fewer, those of as many layers as are needed, with the queries of all of them.
   *
   * @param layers of equally many blocks
   */
  static List<LayerRecording> ofSize(List<LayerRecording> layers, int size) {
    int each = layers.getFirst().representatives.size();
    int pooled = Math.ceilDiv(size, each);
    List<LayerRecording> recordings = new ArrayList<>();
    for (int first = 0; first + pooled <= layers.size(); first += pooled) {
      LayerRecording all = new LayerRecording();
      for (LayerRecording layer : layers.subList(first, first + pooled)) {
        int left = size - all.representatives.size();
        all.representatives.addAll(layer.representatives.subList(0, Math.min(left, each)));
        all.prefill.addAll(layer.prefill);
        all.decode.addAll(layer.decode);
      }
      recordings.add(all);
    }
    return recordings;
  }
}
