package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkState;

import dev.mneme.memory.concurrent.Workers;
import dev.mneme.memory.simd.ByteProducts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.lucene.util.VectorUtil;

/**
 * Considers every block: exact, and the yardstick of any other index.
 *
 * <p>A scan is bound by the bytes that it reads, so it reads 8-bit integers and looks up the few
 * float32 vectors that could be among the best. Vectors are cut into groups of {@value #GROUP}; a
 * vector {@code r} of a group with mean {@code c} is kept as integers {@code i} and a scale {@code
 * s}, {@code r = c + s * i + e}. Then, by Cauchy and Schwarz, for a query {@code q}
 *
 * <pre>
 * |q.r - (q.c + s * q.i)| = |q.e| <= |q| |e|
 * </pre>
 *
 * <p>The {@code k} blocks that look best are scored in float32 first, then those others whose upper
 * bound reaches the {@code k}-th largest score found so far. Subtracting the mean matters: keys
 * have large components in common, which would make the bounds useless. The scan reads {@code size
 * * dimension} bytes, {@value ByteProducts#ROWS} groups at a time and where they are many by
 * several workers.
 */
public final class ExactIndex implements BlockIndex {

  private static final int GROUP = 64;

  /** Parts of a scan for each thread, so that one that comes late still takes some. */
  private static final int PARTS = 2;

  private static final int LARGEST = 127;

  /**
   * Rounding of two sums of float32 products relative to the norms, for each channel and for what
   * else is added and multiplied.
   */
  private static final float ROUNDING = 0x1p-23f;

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

  private final Workers workers;

  /** A vector that is looked up; this and what follows is made by the first search. */
  private float[] vector = {};

  private Part[] parts = {};
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
    makeRoom();
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

  private void makeRoom() {
    if (parts.length == 0) {
      vector = new float[dimension];
      parts = new Part[workers.threads() == 1 ? 1 : PARTS * workers.threads()];
      Arrays.setAll(parts, part -> new Part(GROUP * ByteProducts.padded(dimension)));
    }
    if (scores.length < size()) {
      scores = new float[2 * size()];
      bounds = new float[2 * size()];
    }
  }

  /** Fills in scores and bounds; gives the {@code k} blocks with the largest lower bounds. */
  private Hits estimate(float[] query, int k) {
    float[] padded = Arrays.copyOf(query, ByteProducts.padded(dimension));
    Best lower = new Best(k);
    int steps = Math.ceilDiv(groups.size(), ByteProducts.ROWS);
    int count = Math.min(steps, parts.length);
    if (count <= 1) {
      estimate(padded, lower, 0, steps, parts[0]);
      scoreRest(query, lower);
    } else {
      Best[] ofParts = new Best[count + 1];
      Arrays.setAll(ofParts, part -> new Best(k));
      workers.run(
          ofParts.length,
          part -> {
            if (part == count) {
              scoreRest(query, ofParts[part]);
            } else {
              int from = part * steps / count;
              int to = (part + 1) * steps / count;
              estimate(padded, ofParts[part], from, to, parts[part]);
            }
          });
      for (Best best : ofParts) {
        lower.offer(best.hits());
      }
    }
    return lower.hits();
  }

  private void scoreRest(float[] query, Best best) {
    int block = groups.size() * GROUP;
    for (int row = 0; row < ungrouped; row++, block++) {
      scores[block] = VectorUtil.dotProduct(query, rest[row]);
      bounds[block] = 0;
      best.offer(block, scores[block]);
    }
  }

  /** Scans groups, as many together as there are rows in {@link ByteProducts}. */
  private void estimate(float[] query, Best lower, int from, int to, Part part) {
    float norm = norm(query);
    for (int step = from; step < to; step++) {
      int first = step * ByteProducts.ROWS;
      int count = Math.min(ByteProducts.ROWS, groups.size() - first);
      part.multiply(query, groups.subList(first, first + count));
      for (int number = 0; number < count; number++) {
        Group group = groups.get(first + number);
        float common = VectorUtil.dotProduct(query, group.mean);
        int block = (first + number) * GROUP;
        for (int i = 0; i < GROUP; i++) {
          scores[block + i] = common + group.scales[i] * part.products[number * GROUP + i];
          bounds[block + i] = norm * group.errors[i];
        }
        for (int i = 0; i < GROUP; i++, block++) {
          lower.offer(block, scores[block] - bounds[block]);
        }
      }
    }
  }

  /** What one thread scans with. */
  private static final class Part {

    private final byte[][] codes = new byte[ByteProducts.ROWS][];

    /** For codes that are in a file; made when first needed. */
    private final byte[][] buffers = new byte[ByteProducts.ROWS][0];

    private final int codeBytes;

    /** Of each group one after the other. */
    final float[] products = new float[ByteProducts.ROWS * GROUP];

    Part(int codeBytes) {
      this.codeBytes = codeBytes;
    }

    void multiply(float[] query, List<Group> groups) {
      for (int number = 0; number < codes.length; number++) {
        int buffer = number;
        // Where groups are fewer than rows, the first one fills up.
        codes[number] =
            number < groups.size() ? groups.get(number).codes.read(() -> buffer(buffer)) : codes[0];
      }
      for (int row = 0; row < GROUP; row++) {
        ByteProducts.multiply(query, codes, row * query.length, products, row, GROUP);
      }
    }

    private byte[] buffer(int number) {
      if (buffers[number].length == 0) {
        buffers[number] = new byte[codeBytes];
      }
      return buffers[number];
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
      group.codes.retain();
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
      bytes += group.codes.bytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    closed = true;
    groups.forEach(group -> group.codes.release());
    groups.clear();
    ungrouped = 0;
  }

  /**
   * {@value #GROUP} vectors relative to their mean.
   *
   * @param mean padded by zeros
   * @param codes integers, row-major {@code [GROUP, mean.length]}
   * @param scales of the integers of each vector
   * @param errors norms of what rounding left out of each vector, and rounds in products with it
   */
  @SuppressWarnings("ArrayRecordComponent") // read in the scan
  private record Group(float[] mean, CodeSpace.Codes codes, float[] scales, float[] errors) {

    static Group of(float[][] vectors, CodeSpace space) {
      int dimension = vectors[0].length;
      int stride = ByteProducts.padded(dimension);
      float[] mean = new float[stride];
      float largestNorm = 0;
      for (float[] vector : vectors) {
        largestNorm = Math.max(largestNorm, norm(vector));
        for (int i = 0; i < dimension; i++) {
          mean[i] += vector[i] / GROUP;
        }
      }
      largestNorm += norm(mean);
      byte[] codes = new byte[GROUP * stride];
      float[] scales = new float[GROUP];
      float[] errors = new float[GROUP];
      float[] error = new float[dimension];
      for (int v = 0; v < GROUP; v++) {
        float largest = 0;
        for (int i = 0; i < dimension; i++) {
          error[i] = vectors[v][i] - mean[i];
          largest = Math.max(largest, Math.abs(error[i]));
        }
        scales[v] = largest / LARGEST;
        float inverse = largest == 0 ? 0 : LARGEST / largest;
        for (int i = 0; i < dimension; i++) {
          byte code = (byte) Math.round(error[i] * inverse);
          codes[v * stride + i] = code;
          error[i] -= code * scales[v];
        }
        float left = norm(error);
        errors[v] = left + ROUNDING * (dimension + 2) * (largestNorm + left);
      }
      return new Group(mean, space.keep(codes), scales, errors);
    }
  }
}
