package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.memory.concurrent.Workers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.apache.lucene.util.VectorUtil;

/**
 * Considers every block: exact, and the yardstick of any other index.
 *
 * <p>A scan is bound by the bytes that it reads, so it reads 8-bit integers and looks up the few
 * float32 vectors that could be among the best. Vectors are cut into groups of {@value #GROUP}; a
 * vector {@code r} of a group with mean {@code c} is kept as integers {@code i} and a scale {@code
 * s}, {@code r = c + s * i + e}, and the query as {@code q = t * j + f}. Then, by Cauchy and
 * Schwarz,
 *
 * <pre>
 * |q.r - (q.c + s * t * i.j)| = |q.e + f.(s * i)| <= |q| |e| + |f| |s * i|
 * </pre>
 *
 * <p>The {@code k} blocks that look best are scored in float32 first, then those others whose upper
 * bound reaches the {@code k}-th largest score found so far. Subtracting the mean matters: keys
 * have large components in common, which would make the bounds useless. The scan reads {@code size
 * * dimension} bytes, where they are many by several workers. Lucene's inner products use SIMD
 * where the JVM was started with {@code --add-modules jdk.incubator.vector}.
 */
public final class ExactIndex implements BlockIndex {

  private static final int GROUP = 64;

  /** Groups that are worth more than one thread: some twenty-five microseconds of scanning. */
  private static final int MANY_GROUPS = 4;

  /** Parts of a scan for each thread, so that one that comes late still takes some. */
  private static final int PARTS = 2;

  private static final int LARGEST = 127;

  /** Rounding of float32 inner products, relative to the norms: some channels times 2^-24. */
  private static final float ROUNDING = 1e-5f;

  private final int dimension;
  private final VectorSource vectors;
  private final CodeSpace space;
  private final List<Group> groups = new ArrayList<>();

  /**
   * The vectors that do not fill a group yet, the first {@link #ungrouped} rows. They are copies in
   * rows that are used again: arrays that live as long as a group takes to fill would be garbage of
   * the old generation, which no young collection frees.
   */
  private final float[][] rest = new float[GROUP][];

  private int ungrouped;

  /** How many of them are a fork's too, or its origin's, and so not used again. */
  private int shared;

  /** A vector that is looked up; made by the first search, as most forks never see one. */
  private float[] vector = {};

  private final Workers workers;

  /** For each part of a search, codes of a group that is not in memory. */
  private final Scratch[] scratches;

  private float[] scores = {};
  private float[] bounds = {};
  private boolean closed;

  /**
   * Makes an empty index.
   *
   * @param dimension channels of a vector
   * @param vectors gives back what was added; read during {@link #search}
   */
  public ExactIndex(int dimension, VectorSource vectors) {
    this(dimension, vectors, CodeSpace.inMemory(), Workers.none());
  }

  /**
   * Makes an empty index.
   *
   * @param dimension channels of a vector
   * @param vectors gives back what was added; read during {@link #search}
   * @param space keeps the codes; outlives the index
   * @param workers that scan together where blocks are many; outlive the index
   */
  public ExactIndex(int dimension, VectorSource vectors, CodeSpace space, Workers workers) {
    checkArgument(dimension > 0, "dimension must be positive: %s", dimension);
    this.dimension = dimension;
    this.vectors = vectors;
    this.space = space;
    this.workers = workers;
    scratches = new Scratch[workers.threads() == 1 ? 1 : PARTS * workers.threads()];
    Arrays.setAll(scratches, part -> new Scratch(dimension));
  }

  /** Rows that are made when they are first needed. */
  private static final class Scratch implements Supplier<byte[][]> {

    private final int dimension;
    private byte[][] rows = {};

    Scratch(int dimension) {
      this.dimension = dimension;
    }

    @Override
    public byte[][] get() {
      if (rows.length == 0) {
        rows = new byte[GROUP][dimension];
      }
      return rows;
    }
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int size() {
    return groups.size() * GROUP + ungrouped;
  }

  @Override
  public void add(float[] representative) {
    checkState(!closed, "the index is closed");
    IndexChecks.representative(dimension, representative);
    if (rest[ungrouped] == null) {
      rest[ungrouped] = new float[dimension];
    }
    System.arraycopy(representative, 0, rest[ungrouped], 0, dimension);
    ungrouped++;
    if (ungrouped == GROUP) {
      groups.add(Group.of(rest, space));
      Arrays.fill(rest, 0, shared, null);
      shared = 0;
      ungrouped = 0;
    }
  }

  @Override
  public Hits search(float[] query, int k) {
    checkState(!closed, "the index is closed");
    IndexChecks.search(dimension, query, k);
    int found = Math.min(k, size());
    if (found == 0) {
      return Hits.NONE;
    }
    if (scores.length < size()) {
      scores = new float[2 * size()];
      bounds = new float[2 * size()];
      vector = new float[dimension];
    }
    int[] promising = estimate(query, found).blocks();
    Best best = new Best(found);
    for (int block : promising) {
      best.offer(block, score(query, block));
    }
    int next = 0;
    for (int block = 0; block < size(); block++) {
      if (next < found && promising[next] == block) {
        next++;
      } else if (scores[block] + bounds[block] >= best.least()) {
        best.offer(block, score(query, block));
      }
    }
    return best.hits();
  }

  /** Fills in scores and bounds; gives the {@code k} blocks with the largest lower bounds. */
  private Hits estimate(float[] query, int k) {
    Codes codes = Codes.of(query);
    float norm = norm(query);
    Best lower = new Best(k);
    int parts = groups.size() < MANY_GROUPS ? 1 : scratches.length;
    if (parts == 1) {
      estimate(query, codes, norm, lower, 0, groups.size(), scratches[0]);
    } else {
      Best[] ofParts = new Best[parts];
      Arrays.setAll(ofParts, part -> new Best(k));
      workers.run(
          parts,
          part -> {
            int from = part * groups.size() / parts;
            int to = (part + 1) * groups.size() / parts;
            estimate(query, codes, norm, ofParts[part], from, to, scratches[part]);
          });
      for (Best best : ofParts) {
        lower.offer(best.hits());
      }
    }
    int block = groups.size() * GROUP;
    for (int row = 0; row < ungrouped; row++) {
      scores[block] = VectorUtil.dotProduct(query, rest[row]);
      bounds[block] = 0;
      lower.offer(block, scores[block]);
      block++;
    }
    return lower.hits();
  }

  private void estimate(
      float[] query, Codes codes, float norm, Best lower, int from, int to, Scratch scratch) {
    for (int number = from; number < to; number++) {
      Group group = groups.get(number);
      float common = VectorUtil.dotProduct(query, group.mean);
      float rounding = ROUNDING * norm * group.largestNorm;
      byte[][] rows = group.integers.read(scratch);
      for (int i = 0, block = number * GROUP; i < GROUP; i++, block++) {
        float integers = VectorUtil.dotProduct(codes.integers, rows[i]);
        scores[block] = common + codes.scale * group.scales[i] * integers;
        bounds[block] = norm * group.errors[i] + codes.error * group.norms[i] + rounding;
        lower.offer(block, scores[block] - bounds[block]);
      }
    }
  }

  private float score(float[] query, int block) {
    if (block >= groups.size() * GROUP) {
      return scores[block];
    }
    vectors.read(block, vector);
    return VectorUtil.dotProduct(query, vector);
  }

  /** Shares the codes and the vectors without a group, neither of which changes. */
  @Override
  public ExactIndex fork(VectorSource vectors) {
    checkState(!closed, "the index is closed");
    ExactIndex fork = new ExactIndex(dimension, vectors, space, workers);
    for (Group group : groups) {
      group.integers.retain();
      fork.groups.add(group);
    }
    System.arraycopy(rest, 0, fork.rest, 0, ungrouped);
    fork.ungrouped = ungrouped;
    fork.shared = ungrouped;
    shared = ungrouped;
    return fork;
  }

  private static float norm(float[] vector) {
    return (float) Math.sqrt(VectorUtil.dotProduct(vector, vector));
  }

  @Override
  public long residentBytes() {
    long bytes = (groups.size() + ungrouped) * (long) dimension * Float.BYTES;
    for (Group group : groups) {
      bytes += group.integers.bytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    closed = true;
    groups.forEach(group -> group.integers.release());
    groups.clear();
    ungrouped = 0;
  }

  /** {@value #GROUP} vectors relative to their mean. */
  @SuppressWarnings("ArrayRecordComponent") // read in the scan
  private record Group(
      float[] mean,
      float largestNorm,
      CodeSpace.Codes integers,
      float[] scales,
      float[] norms,
      float[] errors) {

    static Group of(float[][] vectors, CodeSpace space) {
      float[] mean = new float[vectors[0].length];
      float largestNorm = 0;
      for (float[] vector : vectors) {
        largestNorm = Math.max(largestNorm, norm(vector));
        for (int i = 0; i < mean.length; i++) {
          mean[i] += vector[i] / GROUP;
        }
      }
      byte[][] integers = new byte[GROUP][];
      float[] scales = new float[GROUP];
      float[] norms = new float[GROUP];
      float[] errors = new float[GROUP];
      float[] difference = new float[mean.length];
      for (int v = 0; v < GROUP; v++) {
        for (int i = 0; i < mean.length; i++) {
          difference[i] = vectors[v][i] - mean[i];
        }
        Codes codes = Codes.of(difference);
        integers[v] = codes.integers;
        scales[v] = codes.scale;
        norms[v] = codes.norm;
        errors[v] = codes.error;
      }
      return new Group(mean, largestNorm + norm(mean), space.keep(integers), scales, norms, errors);
    }
  }

  /**
   * A vector as integers.
   *
   * @param scale of the integers
   * @param norm of the integers times the scale
   * @param error norm of what rounding left out
   */
  @SuppressWarnings("ArrayRecordComponent") // read in the scan
  private record Codes(byte[] integers, float scale, float norm, float error) {

    static Codes of(float[] vector) {
      float largest = 0;
      for (float channel : vector) {
        largest = Math.max(largest, Math.abs(channel));
      }
      float scale = largest / LARGEST;
      float inverse = scale == 0 ? 0 : 1 / scale;
      byte[] integers = new byte[vector.length];
      float[] rounded = new float[vector.length];
      float[] error = new float[vector.length];
      for (int i = 0; i < vector.length; i++) {
        integers[i] = (byte) Math.round(vector[i] * inverse);
        rounded[i] = integers[i] * scale;
        error[i] = vector[i] - rounded[i];
      }
      return new Codes(integers, scale, ExactIndex.norm(rounded), ExactIndex.norm(error));
    }
  }
}
