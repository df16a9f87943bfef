package dev.mneme.attention;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Block memory attention of one layer, token by token in double precision, written from the
 * description of the algorithm and sharing no code with the library: tokens are kept in lists and
 * every query names the tokens that it sees.
 */
final class Oracle {

  private final MemoryConfig config;
  private final int heads;
  private final int kvHeads;
  private final int dim;
  private final double scale;
  private final double softcap;
  private final double[] frequencies;
  private final double magnitude;
  private final boolean interleaved;

  private final List<Integer> ids = new ArrayList<>();
  private final List<double[]> keys = new ArrayList<>();
  private final List<double[]> values = new ArrayList<>();
  private final List<double[]> received = new ArrayList<>();
  private final List<Integer> sinks = new ArrayList<>();
  private final List<Integer> remainder = new ArrayList<>();
  private final List<List<Integer>> blocks = new ArrayList<>();
  private final List<double[]> representatives = new ArrayList<>();
  private final List<List<Integer>> choices = new ArrayList<>();
  private int copies;
  private int hidden;

  Oracle(
      MemoryConfig config,
      AttentionShape shape,
      double[] frequencies,
      double magnitude,
      boolean interleaved) {
    this.config = config;
    heads = shape.heads();
    kvHeads = shape.kvHeads();
    dim = shape.headDim();
    scale = shape.scale();
    softcap = shape.softcap();
    this.frequencies = frequencies;
    this.magnitude = magnitude;
    this.interleaved = interleaved;
  }

  /** The blocks chosen by each query block so far. */
  List<List<Integer>> choices() {
    return choices;
  }

  /** The tokens of each block. */
  List<List<Integer>> blocks() {
    return blocks;
  }

  /** How often blocks came nearer because their tokens were likely to be repeated. */
  int copies() {
    return copies;
  }

  /** How often a head did not see a token because it is a rival of a copied one. */
  int hidden() {
    return hidden;
  }

  /** Reads tokens in query blocks; rows of q, k, v and of the result are {@code [heads * dim]}. */
  List<double[]> append(int[] text, List<double[]> q, List<double[]> k, List<double[]> v) {
    List<double[]> outputs = new ArrayList<>();
    for (int from = 0; from < q.size(); from += config.queryBlock()) {
      int to = Math.min(from + config.queryBlock(), q.size());
      Arrays.stream(text, from, to).forEach(ids::add);
      outputs.addAll(queryBlock(q.subList(from, to), k.subList(from, to), v.subList(from, to)));
    }
    return outputs;
  }

  private List<double[]> queryBlock(List<double[]> q, List<double[]> k, List<double[]> v) {
    int start = keys.size();
    for (int i = 0; i < q.size(); i++) {
      keys.add(k.get(i));
      values.add(v.get(i));
      received.add(new double[heads]);
      remainder.add(start + i);
    }
    List<Integer> chosen = choose(q);
    choices.add(chosen);
    int end = keys.size();
    List<double[]> outputs = new ArrayList<>();
    for (int i = 0; i < q.size(); i++) {
      outputs.add(attend(q.get(i), start + i, end, chosen, -1));
    }
    int copied = q.size() == 1 && config.positions() == Positions.ORDERED ? copied() : -1;
    if (blocks.stream().anyMatch(block -> block.contains(copied))) {
      received.set(start, new double[heads]);
      if (keepsNear(start)) {
        outputs = List.of(attend(q.getFirst(), start, end, chosen, copied));
      } else {
        // Of another key and value nothing stays but the attention that other tokens received.
        keys.set(start, q.getFirst());
        values.set(start, q.getFirst());
        attend(q.getFirst(), start, end, chosen, copied);
        keys.set(start, k.getFirst());
        values.set(start, v.getFirst());
        received.set(start, new double[heads]);
      }
    }
    formBlocks();
    return outputs;
  }

  /** Whether a token that may be copied keeps the attention in which that is near. */
  static boolean keepsNear(int token) {
    return token % 3 > 0;
  }

  private List<Integer> choose(List<double[]> q) {
    List<Integer> ids = new ArrayList<>();
    for (int block = 0; block < blocks.size(); block++) {
      ids.add(block);
    }
    if (blocks.size() <= config.topK()) {
      return ids;
    }
    double position = config.farDistance();
    double[] mean = new double[heads * dim];
    for (double[] query : q) {
      for (int head = 0; head < heads; head++) {
        double[] turned = rotate(query, head, position);
        for (int d = 0; d < dim; d++) {
          mean[head * dim + d] += turned[d] / q.size();
        }
      }
    }
    double[] scores = new double[blocks.size()];
    for (int block = 0; block < scores.length; block++) {
      for (int d = 0; d < mean.length; d++) {
        scores[block] += mean[d] * representatives.get(block)[d];
      }
    }
    ids.sort(Comparator.comparingDouble((Integer block) -> -scores[block]));
    return ids.subList(0, config.topK()).stream().sorted().toList();
  }

  /** The token that follows most of the last tokens; of several, the last; or -1. */
  private int copied() {
    for (int length = 32; config.prefixMatch() > 0 && length >= config.prefixMatch(); length--) {
      List<Integer> last = ids.subList(ids.size() - length, ids.size());
      int at = Collections.lastIndexOfSubList(ids.subList(0, ids.size() - 1), last);
      if (at >= 0) {
        return at + length;
      }
    }
    return -1;
  }

  private double[] attend(double[] query, int position, int end, List<Integer> chosen, int copied) {
    List<Integer> far = new ArrayList<>(sinks);
    chosen.forEach(block -> far.addAll(blocks.get(block)));
    boolean published = config.mask() == Mask.PUBLISHED;
    for (int token : remainder) {
      boolean leftWindow = (published ? end - 1 : position) - token >= config.nLocal();
      boolean kept = config.topK() > 0 || token < config.nInit();
      if (leftWindow && kept) {
        far.add(token);
      }
    }
    List<Integer> local = new ArrayList<>();
    for (int token = Math.max(0, position - config.nLocal() + 1); token <= position; token++) {
      local.add(token);
    }
    Set<Integer> near = new HashSet<>();
    double nearer = 0;
    for (int block : chosen) {
      int behind = blocks.get(block).indexOf(copied);
      if (behind >= 0) {
        int first = far.indexOf(blocks.get(block).getFirst());
        int wanted = Math.max(config.farDistance() + behind, 2 * config.blockSize());
        nearer = Math.max(0, distance(far.subList(first, far.size()), position) - wanted);
        copies += nearer > 0 ? 1 : 0;
        List.of(block - 1, block, block + 1).stream()
            .filter(chosen::contains)
            .forEach(side -> near.addAll(blocks.get(side)));
      }
    }
    double[] output = new double[heads * dim];
    for (int head = 0; head < heads; head++) {
      int kv = head / (heads / kvHeads);
      double[] weights = new double[far.size() + local.size()];
      for (int i = 0; i < far.size(); i++) {
        int token = far.get(i);
        if (config.positions() == Positions.ORDERED) {
          double distance = distance(far.subList(i, far.size()), position);
          distance -= near.contains(token) ? nearer : 0;
          weights[i] = score(rotate(query, head, distance), rotate(keys.get(token), kv, 0));
          if (near.contains(token) && isRival(token, copied, position)) {
            weights[i] = Double.NEGATIVE_INFINITY;
            hidden++;
          }
        } else {
          boolean inBlock = config.positions() == Positions.BLOCKWISE && token >= config.nInit();
          int place = inBlock ? (token - config.nInit()) % config.blockSize() : 0;
          weights[i] =
              score(rotate(query, head, config.farDistance()), rotate(keys.get(token), kv, place));
        }
      }
      for (int i = 0; i < local.size(); i++) {
        int token = local.get(i);
        weights[far.size() + i] =
            score(rotate(query, head, position), rotate(keys.get(token), kv, token));
      }
      softmax(weights);
      for (int i = 0; i < weights.length; i++) {
        int token = i < far.size() ? far.get(i) : local.get(i - far.size());
        for (int d = 0; d < dim; d++) {
          output[head * dim + d] += weights[i] * values.get(token)[kv * dim + d];
        }
        if (i >= far.size()) {
          received.get(token)[head] += weights[i];
        }
      }
    }
    return output;
  }

  /** Whether another token than what is copied follows the token that is the query. */
  private boolean isRival(int token, int copied, int query) {
    return token > 0
        && ids.get(token - 1).equals(ids.get(query))
        && token != copied - 1
        && !ids.get(token).equals(ids.get(copied));
  }

  /** From the first of ascending tokens to the query, what was left out counted up to maxGap. */
  private int distance(List<Integer> tokens, int query) {
    int distance = 0;
    for (int i = 1; i < tokens.size(); i++) {
      distance += 1 + Math.min(tokens.get(i) - tokens.get(i - 1) - 1, config.maxGap());
    }
    int last = tokens.getLast();
    int leftOut = Math.max(0, query - config.nLocal() - last);
    return distance + query - last - leftOut + Math.min(leftOut, config.maxGap());
  }

  private void formBlocks() {
    while (sinks.size() < config.nInit() && remainder.size() > config.nLocal()) {
      sinks.add(remainder.removeFirst());
    }
    while (config.topK() > 0 && remainder.size() - config.blockSize() >= config.nLocal()) {
      List<Integer> block = new ArrayList<>(remainder.subList(0, config.blockSize()));
      remainder.subList(0, config.blockSize()).clear();
      double[] representative = new double[heads * dim];
      for (int head = 0; head < heads; head++) {
        int h = head;
        int kv = head / (heads / kvHeads);
        List<Integer> best =
            block.stream()
                .sorted(Comparator.comparingDouble((Integer token) -> -received.get(token)[h]))
                .limit(config.representatives())
                .toList();
        for (int token : best) {
          for (int d = 0; d < dim; d++) {
            representative[head * dim + d] +=
                keys.get(token)[kv * dim + d] / config.representatives();
          }
        }
      }
      blocks.add(block);
      representatives.add(representative);
    }
  }

  private double[] rotate(double[] row, int head, double position) {
    double[] x = Arrays.copyOfRange(row, head * dim, (head + 1) * dim);
    double[] turned = x.clone();
    for (int i = 0; i < frequencies.length; i++) {
      int a = interleaved ? 2 * i : i;
      int b = interleaved ? 2 * i + 1 : i + frequencies.length;
      double angle = position * config.distanceScale() * frequencies[i];
      turned[a] = magnitude * (x[a] * Math.cos(angle) - x[b] * Math.sin(angle));
      turned[b] = magnitude * (x[b] * Math.cos(angle) + x[a] * Math.sin(angle));
    }
    return turned;
  }

  private double score(double[] a, double[] b) {
    double sum = 0;
    for (int d = 0; d < dim; d++) {
      sum += a[d] * b[d];
    }
    return softcap == 0 ? sum * scale : softcap * Math.tanh(sum * scale / softcap);
  }

  private static void softmax(double[] x) {
    double max = Arrays.stream(x).max().orElseThrow();
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.exp(x[i] - max);
      sum += x[i];
    }
    for (int i = 0; i < x.length; i++) {
      x[i] /= sum;
    }
  }
}
