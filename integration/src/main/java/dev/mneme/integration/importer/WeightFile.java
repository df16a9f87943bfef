package dev.mneme.integration.importer;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.mneme.attention.onnx.GraphBuilder;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Writes the external data of an ONNX model front to back and enters each tensor into the graph. It
 * holds a few rows of one matrix at a time. Closed by whoever opened it.
 */
final class WeightFile implements Closeable {

  /** Tensors begin at multiples of this, a cache line. */
  private static final int ALIGNMENT = 64;

  private static final int BUFFER_BYTES = 1 << 20;

  private final Path path;
  private final FileChannel channel;
  private final GraphBuilder graph;
  private final Progress.Task progress;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long written;

  /**
   * Creates {@code path}.
   *
   * @param graph receives the initializers
   * @param progress hears of every byte written
   */
  WeightFile(Path path, GraphBuilder graph, Progress.Task progress) throws IOException {
    this.channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    this.path = path;
    this.graph = graph;
    this.progress = progress;
  }

  /** Adds a float32 tensor of shape {@code dims}. */
  void floats(String name, float[] values, long... dims) throws IOException {
    long start = align();
    put(values, values.length);
    enter(name, DataType.FLOAT, start, dims);
  }

  /** Adds {@code matrix} as float32 [rows, columns]. */
  void rows(String name, WeightMatrix matrix) throws IOException {
    long start = align();
    float[] row = new float[matrix.columns()];
    for (int r = 0; r < matrix.rows(); r++) {
      matrix.read(r, 0, row.length, row, 0);
      put(row, row.length);
    }
    enter(name, DataType.FLOAT, start, matrix.rows(), matrix.columns());
  }

  /** Adds {@code matrix} as float32 [columns, rows], as MatMul takes it. */
  void transposed(String name, WeightMatrix matrix) throws IOException {
    long start = align();
    int rows = matrix.rows();
    float[] piece = new float[WeightMatrix.STRIDE];
    float[][] panel = new float[WeightMatrix.STRIDE][rows];
    for (int column = 0; column < matrix.columns(); column += WeightMatrix.STRIDE) {
      int count = Math.min(WeightMatrix.STRIDE, matrix.columns() - column);
      for (int r = 0; r < rows; r++) {
        matrix.read(r, column, count, piece, 0);
        for (int c = 0; c < count; c++) {
          panel[c][r] = piece[c];
        }
      }
      for (int c = 0; c < count; c++) {
        put(panel[c], rows);
      }
    }
    enter(name, DataType.FLOAT, start, matrix.columns(), rows);
  }

  /**
   * Adds {@code matrix} as 8-bit integers and their scales.
   *
   * @param blocksName initializer [rows, columns/32, 32], as MatMulNBits takes the integers; empty
   *     for none
   * @param tableName initializer [rows, columns] over the same bytes, as GatherBlockQuantized takes
   *     them; empty for none
   * @param scalesName initializer float32 [rows, columns/32]
   */
  void bytes(String blocksName, String tableName, String scalesName, WeightMatrix matrix)
      throws IOException {
    int rows = matrix.rows();
    int columns = matrix.columns();
    int blocks = columns / BlockQuantizer.BLOCK;
    float[] row = new float[columns];
    byte[] quantised = new byte[columns];
    float[] scale = new float[Math.multiplyExact(rows, blocks)];
    long start = align();
    for (int r = 0; r < rows; r++) {
      matrix.read(r, 0, columns, row, 0);
      for (int b = 0; b < blocks; b++) {
        int at = b * BlockQuantizer.BLOCK;
        scale[r * blocks + b] = BlockQuantizer.toBytes(row, at, quantised, at);
      }
      put(quantised);
    }
    if (!blocksName.isEmpty()) {
      enter(blocksName, DataType.UINT8, start, rows, blocks, BlockQuantizer.BLOCK);
    }
    if (!tableName.isEmpty()) {
      enter(tableName, DataType.UINT8, start, rows, columns);
    }
    floats(scalesName, scale, rows, blocks);
  }

  /**
   * Adds {@code matrix} as 4-bit integers, their scales and the offsets of their blocks: {@code
   * integers} uint8 [rows, columns/32, 16], {@code scales} float32 [rows, columns/32] and {@code
   * offsets} float32 [columns/32, rows].
   */
  void nibbles(String integers, String scales, String offsets, WeightMatrix matrix)
      throws IOException {
    int rows = matrix.rows();
    int columns = matrix.columns();
    int blocks = columns / BlockQuantizer.BLOCK;
    float[] row = new float[columns];
    byte[] quantised = new byte[columns / 2];
    float[] scale = new float[Math.multiplyExact(rows, blocks)];
    float[] offset = new float[scale.length];
    long start = align();
    for (int r = 0; r < rows; r++) {
      matrix.read(r, 0, columns, row, 0);
      for (int b = 0; b < blocks; b++) {
        int at = b * BlockQuantizer.BLOCK;
        BlockQuantizer.Grid grid = BlockQuantizer.toNibbles(row, at, quantised, at / 2);
        scale[r * blocks + b] = grid.scale();
        offset[b * rows + r] = grid.offset();
      }
      put(quantised);
    }
    enter(integers, DataType.UINT8, start, rows, blocks, BlockQuantizer.BLOCK / 2);
    floats(scales, scale, rows, blocks);
    floats(offsets, offset, blocks, rows);
  }

  /** Writes what is left and closes the file. */
  @Override
  public void close() throws IOException {
    try (channel) {
      flush();
      channel.force(true);
    }
  }

  private void enter(String name, DataType type, long start, long... dims) {
    String location = path.getFileName().toString();
    graph.externalInitializer(name, type, location, start, written - start, dims);
  }

  private long align() throws IOException {
    put(new byte[(int) (-written & (ALIGNMENT - 1))]);
    return written;
  }

  private void put(float[] values, int count) throws IOException {
    for (int at = 0; at < count; ) {
      if (buffer.remaining() < Float.BYTES) {
        flush();
      }
      FloatBuffer floats = buffer.asFloatBuffer();
      int length = Math.min(floats.remaining(), count - at);
      floats.put(values, at, length);
      buffer.position(buffer.position() + length * Float.BYTES);
      at += length;
    }
    written += (long) count * Float.BYTES;
  }

  private void put(byte[] values) throws IOException {
    for (int at = 0; at < values.length; ) {
      if (!buffer.hasRemaining()) {
        flush();
      }
      int length = Math.min(buffer.remaining(), values.length - at);
      buffer.put(values, at, length);
      at += length;
    }
    written += values.length;
  }

  private void flush() throws IOException {
    buffer.flip();
    int bytes = buffer.remaining();
    try {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      // The system's message, such as "No space left on device", says nothing of the file.
      throw new IOException("cannot write " + path + ": " + e.getMessage(), e);
    }
    buffer.clear();
    progress.advance(bytes);
  }
}
