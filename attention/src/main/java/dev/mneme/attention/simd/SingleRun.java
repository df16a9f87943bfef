package dev.mneme.attention.simd;

import static dev.mneme.attention.simd.SimdMath.COLUMNS;
import static dev.mneme.attention.simd.SimdMath.FEW;
import static dev.mneme.attention.simd.SimdMath.NARROW;
import static dev.mneme.attention.simd.SimdMath.ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.KeyRows;
import dev.mneme.attention.QueryTile;
import dev.mneme.attention.WorkingSet;
import dev.mneme.memory.concurrent.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Attention of a single query, as in decoding, and the memory that it takes.
 *
 * <p>It is bound by reading keys and values, so they are read where they are, and once. The columns
 * of each key/value head are cut into pieces. Each piece has a softmax of its own, and in the end
 * they are weighed by their sums. One query at a time.
 */
final class SingleRun implements Workers.Task {

  /** Columns of a piece: its values stay in a core's cache while all heads of a group sum them. */
  private static final int PIECE = 128;

  private final AttentionShape shape;
  private final int dim;
  private final int paddedDim;
  private final int paddedGroup;

  /** Whether a group is one run of few rows: products of more would be of zeros for the most. */
  private final boolean few;

  /** The pieces of each key/value head, one head after the other. */
  private final List<Piece> pieces = new ArrayList<>();

  /** Those in use, of a head and of all. */
  private int piecesOfHead;

  private int count;

  /** The output of a head. */
  private final float[] output;

  private WorkingSet set;
  private QueryTile tile;

  SingleRun(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    shape = set.shape();
    dim = shape.headDim();
    paddedDim = SimdMath.padded(dim);
    few = shape.group() <= FEW;
    paddedGroup = few ? FEW : Math.ceilDiv(shape.group(), ROWS) * ROWS;
    output = new float[paddedDim];
  }

  /** Prepares a query and returns the number of tasks. */
  int begin(WorkingSet set, QueryTile tile) {
    this.set = set;
    this.tile = tile;
    count = 0;
    for (int head = 0; head < shape.kvHeads(); head++) {
      cut(head, 0, set.far());
      cut(head, set.far(), set.far() + set.window());
      piecesOfHead = count / (head + 1);
    }
    return count;
  }

  /** Cuts some columns into pieces. */
  private void cut(int head, int from, int to) {
    for (int column = from; column < to; column += PIECE) {
      if (count == pieces.size()) {
        pieces.add(new Piece());
      }
      pieces.get(count++).place(head, column, Math.min(PIECE, to - column));
    }
  }

  @Override
  public void run(int number) {
    pieces.get(number).attend();
  }

  /** Weighs the pieces. */
  void end() {
    for (int head = 0; head < shape.heads(); head++) {
      int member = head % shape.group();
      int first = head / shape.group() * piecesOfHead;
      List<Piece> ofHead = pieces.subList(first, first + piecesOfHead);
      float max = Float.NEGATIVE_INFINITY;
      for (Piece piece : ofHead) {
        max = Math.max(max, piece.max[member]);
      }
      float sum = 0;
      for (Piece piece : ofHead) {
        piece.share[member] = (float) Math.exp(piece.max[member] - max);
        sum += piece.share[member] * piece.sum[member];
      }
      Arrays.fill(output, 0);
      for (Piece piece : ofHead) {
        piece.share[member] /= sum;
        SimdMath.addScaled(
            piece.output, member * paddedDim, piece.share[member], output, 0, paddedDim);
        piece.writeMass(head, member);
      }
      MemorySegment.copy(output, 0, tile.output(), JAVA_FLOAT, head * shape.vectorBytes(), dim);
    }
  }

  /** Some columns of a key/value head, all far or all of the window. */
  private final class Piece {

    private int head;
    private int column;
    private int columns;
    private final float[] max = new float[shape.group()];
    private final float[] sum = new float[shape.group()];
    private final float[] share = new float[shape.group()];
    private final float[] queries = new float[paddedGroup * dim];
    private final float[] weights = new float[paddedGroup * PIECE];
    private final float[] output = new float[paddedGroup * paddedDim];

    /** Written so that fetching is not compiled away. */
    @SuppressWarnings("UnusedVariable")
    private int fetched;

    void place(int head, int column, int columns) {
      this.head = head;
      this.column = column;
      this.columns = columns;
    }

    void attend() {
      Arrays.fill(max, Float.NEGATIVE_INFINITY);
      Arrays.fill(sum, 0);
      if (isHidden()) {
        Arrays.fill(weights, 0);
        Arrays.fill(output, 0);
        return;
      }
      score();
      for (int member = 0; member < shape.group(); member++) {
        weigh(member, member * PIECE);
      }
      Arrays.fill(output, 0);
      long first = (head * (set.far() + (long) set.window()) + column) * dim;
      fetched = SimdMath.fetch(set.values(), first, columns * dim);
      if (few) {
        SimdMath.addProductOfFew(
            weights, 0, PIECE, columns, set.values(), first, dim, dim, output, 0, paddedDim);
        return;
      }
      for (int member = 0; member < paddedGroup; member += ROWS) {
        SimdMath.addProduct(
            weights,
            member * PIECE,
            PIECE,
            columns,
            set.values(),
            first,
            dim,
            dim,
            output,
            member * paddedDim,
            paddedDim);
      }
    }

    private boolean isHidden() {
      for (int i = column; i < column + columns; i++) {
        if (tile.viewers(i) > 0) {
          return false;
        }
      }
      return true;
    }

    private void score() {
      boolean far = column < set.far();
      long first = tile.row(head * shape.group(), 0) * shape.vectorBytes();
      MemorySegment from = far ? tile.farQueries() : tile.windowQueries();
      MemorySegment.copy(from, JAVA_FLOAT, first, queries, 0, shape.group() * dim);
      KeyRows keys = far ? set.farKeys() : set.windowKeys();
      int row = far ? column : column - set.far();
      int whole = Math.ceilDiv(columns, COLUMNS) * COLUMNS;
      fetched = SimdMath.fetch(keys.memory(), keys.at(head, row), whole * dim);
      if (few) {
        Arrays.fill(weights, 0);
        scoreFew(keys, row);
        return;
      }
      for (int i = 0; i < columns; i += COLUMNS) {
        long at = keys.at(head, row + i);
        for (int member = 0; member < paddedGroup; member += ROWS) {
          SimdMath.product(
              queries,
              member * dim,
              dim,
              dim,
              keys.memory(),
              at,
              weights,
              member * PIECE + i,
              PIECE);
        }
      }
    }

    private void scoreFew(KeyRows keys, int row) {
      int last = (columns - 1) / NARROW * NARROW;
      for (int i = 0; i <= last; i += 2 * NARROW) {
        int next = Math.min(i + NARROW, last);
        SimdMath.addTwoProducts(
            queries,
            0,
            dim,
            dim,
            keys.memory(),
            keys.at(head, row + i),
            keys.at(head, row + next),
            COLUMNS,
            weights,
            i,
            next,
            PIECE);
      }
    }

    private void weigh(int member, int at) {
      if (shape.softcap() != 0) {
        SimdMath.softcap(weights, at, PIECE, shape.softcap());
      }
      SimdMath.addMask(weights, at, tile.mask(), column, columns);
      Arrays.fill(weights, at + columns, at + PIECE, Float.NEGATIVE_INFINITY);
      max[member] = SimdMath.max(weights, at, PIECE);
      sum[member] = SimdMath.exponentiate(weights, at, PIECE, max[member]);
    }

    void writeMass(int head, int member) {
      int at = member * PIECE;
      SimdMath.scale(weights, at, share[member], PIECE);
      long row = (long) tile.massRow(head, 0) * (set.far() + set.window());
      MemorySegment.copy(
          weights, at, tile.mass(), JAVA_FLOAT, (row + column) * Float.BYTES, columns);
    }
  }
}
