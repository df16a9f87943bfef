package dev.mneme.memory.index;

import dev.mneme.memory.concurrent.Workers;

/** How blocks are found. */
public enum IndexKind implements BlockIndex.Factory {

  /** By a scan of all of them: {@link ExactIndex}. */
  EXACT {
    @Override
    public BlockIndex open(int dimension, VectorSource vectors) {
      return new ExactIndex(dimension, vectors);
    }

    @Override
    public BlockIndex.Factory in(CodeSpace space, Workers workers) {
      return (dimension, vectors) -> new ExactIndex(dimension, vectors, space, workers);
    }
  },

  /** By a graph of hnswlib, on the heap: {@link HnswIndex}. */
  HNSW {
    @Override
    public BlockIndex open(int dimension, VectorSource vectors) {
      return new HnswIndex(dimension, GraphParameters.defaults());
    }
  },

  /** By a graph of Lucene: {@link LuceneVectorIndex}. */
  LUCENE {
    @Override
    public BlockIndex open(int dimension, VectorSource vectors) {
      return LuceneVectorIndex.inMemory(dimension, GraphParameters.defaults());
    }
  };

  /**
   * Opens indexes that keep their codes in a space and scan them together, where they have any.
   *
   * @param space outlives the indexes
   * @param workers outlive the indexes
   */
  public BlockIndex.Factory in(CodeSpace space, Workers workers) {
    return this;
  }
}
