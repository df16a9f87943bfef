package dev.mneme.benchmarks.index;

import com.google.common.math.Quantiles;
import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.IndexKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one kind of index finds and costs on recorded queries.
 *
 * <p>All indexes are filled first and then asked in turn, as layers are: each is out of the cache
 * when its turn comes again.
 *
 * @param index which kind
 * @param blocks of each index
 * @param indexes how many were filled and asked
 * @param prefillRecall mean share of the exact best blocks found for mean queries of prefill
 * @param decodeRecall the same for the queries of single tokens
 * @param buildMicros microseconds to add a block, mean
 * @param queryMicros microseconds of a search, median
 * @param bytesPerBlock what the index says it holds, over its blocks
 */
record IndexTrial(
    IndexKind index,
    int blocks,
    int indexes,
    double prefillRecall,
    double decodeRecall,
    double buildMicros,
    double queryMicros,
    double bytesPerBlock) {

  /** Tries each kind on the same recordings, of equally many blocks and queries each. */
  static List<IndexTrial> ofEach(List<LayerRecording> recordings, int topK) {
    List<List<Hits>> exact = new ArrayList<>();
    for (LayerRecording recording : recordings) {
      try (BlockIndex index = filled(IndexKind.EXACT, recording)) {
        exact.add(queries(recording).stream().map(query -> index.search(query, topK)).toList());
      }
    }
    return Arrays.stream(IndexKind.values()).map(kind -> of(kind, recordings, exact)).toList();
  }

  private static IndexTrial of(
      IndexKind kind, List<LayerRecording> recordings, List<List<Hits>> exact) {
    List<BlockIndex> indexes = new ArrayList<>();
    try {
      long start = System.nanoTime();
      for (LayerRecording recording : recordings) {
        indexes.add(filled(kind, recording));
      }
      long built = System.nanoTime() - start;
      int blocks = recordings.getFirst().representatives().size();
      int prefill = recordings.getFirst().prefill().size();
      int queries = exact.getFirst().size();
      int topK = exact.getFirst().getFirst().blocks().length;
      // The first round compiles and warms what the second one measures.
      ask(indexes, recordings, topK);
      Answers answers = ask(indexes, recordings, topK);
      long bytes = indexes.stream().mapToLong(BlockIndex::residentBytes).sum();
      double total = (double) indexes.size() * blocks;
      return new IndexTrial(
          kind,
          blocks,
          indexes.size(),
          recall(exact, answers.hits, 0, prefill),
          recall(exact, answers.hits, prefill, queries),
          built / 1e3 / total,
          Quantiles.median().compute(answers.nanos) / 1e3,
          bytes / total);
    } finally {
      indexes.forEach(BlockIndex::close);
    }
  }

  private static BlockIndex filled(IndexKind kind, LayerRecording recording) {
    List<float[]> vectors = recording.representatives();
    BlockIndex index =
        kind.open(
            recording.dimension(),
            (block, to) -> System.arraycopy(vectors.get(block), 0, to, 0, to.length));
    vectors.forEach(index::add);
    return index;
  }

  private static List<float[]> queries(LayerRecording recording) {
    List<float[]> queries = new ArrayList<>(recording.prefill());
    queries.addAll(recording.decode());
    return queries;
  }

  private static Answers ask(List<BlockIndex> indexes, List<LayerRecording> recordings, int topK) {
    List<List<float[]>> queries = recordings.stream().map(IndexTrial::queries).toList();
    int each = queries.getFirst().size();
    List<List<Hits>> hits = new ArrayList<>();
    indexes.forEach(index -> hits.add(new ArrayList<>()));
    long[] nanos = new long[indexes.size() * each];
    int search = 0;
    for (int query = 0; query < each; query++) {
      for (int i = 0; i < indexes.size(); i++) {
        long start = System.nanoTime();
        Hits found = indexes.get(i).search(queries.get(i).get(query), topK);
        nanos[search++] = System.nanoTime() - start;
        hits.get(i).add(found);
      }
    }
    return new Answers(hits, nanos);
  }

  private static double recall(List<List<Hits>> exact, List<List<Hits>> hits, int from, int to) {
    double found = 0;
    double wanted = 0;
    for (int i = 0; i < exact.size(); i++) {
      for (int query = from; query < to; query++) {
        int[] blocks = hits.get(i).get(query).blocks();
        for (int block : exact.get(i).get(query).blocks()) {
          found += Arrays.binarySearch(blocks, block) >= 0 ? 1 : 0;
          wanted++;
        }
      }
    }
    return found / wanted;
  }

  /** Hits by index and query, and the time of each search. */
  @SuppressWarnings("ArrayRecordComponent") // of one round, thrown away with it
  private record Answers(List<List<Hits>> hits, long[] nanos) {}
}
