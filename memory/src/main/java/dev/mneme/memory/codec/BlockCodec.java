package dev.mneme.memory.codec;

import java.lang.foreign.MemorySegment;

/**
 * Writes blocks of one shape in one precision and reads them back. Thread-safe.
 *
 * <p>Encoded numbers are in native byte order.
 */
public interface BlockCodec {

  /** Bytes of an encoded block, keys and values together. */
  long bytes();

  /**
   * Encodes a block.
   *
   * @param keys row-major {@code [kvHeads, blockSize, headDim]}, float32
   * @param values in the same layout
   * @param to receives {@link #bytes()} bytes
   */
  void encode(MemorySegment keys, MemorySegment values, MemorySegment to);

  /**
   * Decodes the keys of one head of a block.
   *
   * @param block what {@link #encode} wrote
   * @param head key/value head, from 0 inclusive to {@code kvHeads} exclusive
   * @param to receives row-major {@code [blockSize, headDim]}, float32
   */
  void decodeKeys(MemorySegment block, int head, MemorySegment to);

  /** Decodes the values of one head of a block, as {@link #decodeKeys} does its keys. */
  void decodeValues(MemorySegment block, int head, MemorySegment to);
}
