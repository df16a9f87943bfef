package dev.mneme.memory.codec;

import dev.mneme.memory.block.BlockShape;

/** In what precision far blocks are kept. */
public enum BlockPrecision {

  /** 32-bit floats: exact. */
  FLOAT32,

  /** 16-bit floats (IEEE 754 binary16): half the memory. Numbers beyond 65,504 become 65,504. */
  FLOAT16,

  /**
   * 8-bit integers with a scale for each channel of the keys and each token of the values, which is
   * how outliers lie in them (KIVI, Liu et al. 2024, arXiv:2402.02750): about a quarter of the
   * memory.
   */
  INT8;

  /** A new codec for blocks of a shape. */
  public BlockCodec codec(BlockShape shape) {
    return switch (this) {
      case FLOAT32 -> new Float32Codec(shape);
      case FLOAT16 -> new Float16Codec(shape);
      case INT8 -> new Int8Codec(shape);
    };
  }
}
