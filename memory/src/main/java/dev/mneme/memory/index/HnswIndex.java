package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import com.github.jelmerk.hnswlib.core.Item;
import com.github.jelmerk.hnswlib.core.SearchResult;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.util.VectorUtil;

/**
 * Walks a graph of blocks on the heap, with hnswlib: approximate, and cheaper than a scan where
 * there are very many blocks.
 *
 * <p>A graph needs a distance, and the inner product is none: a long vector is nearer to others
 * than they are to themselves. So the search for the largest product becomes one for the nearest
 * neighbour (Bachrach et al. 2014, "Speeding up the Xbox recommender system using a Euclidean
 * transformation for inner-product spaces"): with {@code M} the largest norm, a block {@code x} and
 * a query {@code q} get one more channel,
 *
 * <pre>
 * x' = (x, sqrt(M^2 - |x|^2))     q' = (q, 0)
 * |x' - y'|^2 = 2 M^2 - 2 x'.y'   |q' - x'|^2 = |q|^2 + M^2 - 2 q.x
 * </pre>
 *
 * <p>so that {@code -x'.y'} orders as the distance does, and for queries it is the negative inner
 * product. {@code M} grows with the blocks added; the last channel is worked out when it is needed,
 * and links made before stay.
 *
 * <p>At most {@code ef} blocks are scanned instead, and so are all where the graph does not lead to
 * as many as were asked for. Scores are exact; which blocks are found is not the same in every run,
 * because hnswlib draws levels at random. It keeps nothing on disk: a graph is made again by adding
 * the blocks again. Not thread-safe.
 */
public final class HnswIndex implements BlockIndex {

  private static final int FIRST_CAPACITY = 256;

  private static final int QUERY = -1;

  /**
   * Bytes of a block beside its channels and links: objects, array headers, and entries in
   * hnswlib's maps of numbers and locks, with compressed references.
   */
  private static final int OVERHEAD = 250;

  private final int dimension;
  private final GraphParameters parameters;
  private final List<Vector> vectors = new ArrayList<>();
  private final com.github.jelmerk.hnswlib.core.hnsw.HnswIndex<Integer, Vector, Vector, Float>
      graph;

  /** The largest squared norm so far. */
  private float largest;

  private boolean closed;

  /**
   * Makes an empty index.
   *
   * @param dimension channels of a vector
   */
  public HnswIndex(int dimension, GraphParameters parameters) {
    checkArgument(dimension > 0, "dimension must be positive: %s", dimension);
    this.dimension = dimension;
    this.parameters = parameters;
    graph =
        com.github.jelmerk.hnswlib.core.hnsw.HnswIndex.newBuilder(
                dimension, this::distance, FIRST_CAPACITY)
            .withM(parameters.m())
            .withEfConstruction(parameters.efConstruction())
            .withEf(parameters.ef())
            .build();
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int size() {
    return vectors.size();
  }

  @Override
  public void add(float[] representative) {
    checkState(!closed, "the index is closed");
    IndexChecks.representative(dimension, representative);
    Vector vector =
        new Vector(size(), representative, VectorUtil.dotProduct(representative, representative));
    if (size() == graph.getMaxItemCount()) {
      graph.resize(2 * size());
    }
    largest = Math.max(largest, vector.squaredNorm);
    vectors.add(vector);
    graph.add(vector);
  }

  @Override
  public Hits search(float[] query, int k) {
    checkState(!closed, "the index is closed");
    IndexChecks.search(dimension, query, k);
    int found = Math.min(k, size());
    if (found == 0) {
      return Hits.NONE;
    }
    List<Vector> candidates = candidates(query, found);
    Best best = new Best(found);
    for (Vector candidate : candidates) {
      best.offer(candidate.block, VectorUtil.dotProduct(query, candidate.channels));
    }
    return best.hits();
  }

  /** At least {@code k} blocks that may be the best. */
  private List<Vector> candidates(float[] query, int k) {
    int candidates = Math.max(k, parameters.ef());
    if (size() <= candidates) {
      return vectors;
    }
    List<Vector> near =
        graph.findNearest(new Vector(QUERY, query, Float.POSITIVE_INFINITY), candidates).stream()
            .map(SearchResult::item)
            .toList();
    return near.size() < k ? vectors : near;
  }

  /** Makes the graph anew: hnswlib can neither share nor copy one. */
  @Override
  public HnswIndex fork(VectorSource vectors) {
    checkState(!closed, "the index is closed");
    HnswIndex fork = new HnswIndex(dimension, parameters);
    for (Vector vector : this.vectors) {
      fork.add(vector.channels);
    }
    return fork;
  }

  private float distance(Vector a, Vector b) {
    double room = Math.max(0, largest - a.squaredNorm) * Math.max(0, largest - b.squaredNorm);
    return (float) -(VectorUtil.dotProduct(a.channels, b.channels) + Math.sqrt(room));
  }

  /** An estimate: hnswlib does not say what its graph takes. */
  @Override
  public long residentBytes() {
    long links = 2L * parameters.m();
    return size() * ((dimension + links) * Float.BYTES + OVERHEAD);
  }

  @Override
  public void close() {
    closed = true;
  }

  /**
   * A block or a query.
   *
   * @param block the block's number
   * @param squaredNorm of the channels; infinite for a query, whose additional channel is 0
   */
  @SuppressWarnings("ArrayRecordComponent") // read in the search
  private record Vector(int block, float[] channels, float squaredNorm)
      implements Item<Integer, Vector> {

    @Override
    public Integer id() {
      return block;
    }

    @Override
    public Vector vector() {
      return this;
    }

    @Override
    public int dimensions() {
      return channels.length;
    }
  }
}
