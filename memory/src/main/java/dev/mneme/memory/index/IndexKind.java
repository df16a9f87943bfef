package dev.mneme.memory.index;

/** How blocks are found. */
public enum IndexKind implements BlockIndex.Factory {

  /** By a scan of all of them: {@link ExactIndex}. */
  EXACT {
    @Override
    public BlockIndex open(int dimension, VectorSource vectors) {
      return new ExactIndex(dimension, vectors);
    }

    @Override
    public BlockIndex.Factory in(CodeSpace space) {
      return (dimension, vectors) -> new ExactIndex(dimension, vectors, space);
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
   * Opens indexes that keep their codes in a space, where they have any.
   *
   * @param space outlives the indexes
   */
  public BlockIndex.Factory in(CodeSpace space) {
    return this;
  }
}
