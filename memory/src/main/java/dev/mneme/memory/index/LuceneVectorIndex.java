package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkArgument;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.KnnVectorsReader;
import org.apache.lucene.codecs.KnnVectorsWriter;
import org.apache.lucene.codecs.lucene104.Lucene104Codec;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsFormat;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.index.FieldInfo;
import org.apache.lucene.index.FieldInfos;
import org.apache.lucene.index.FloatVectorValues;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.KnnVectorValues.DocIndexIterator;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.LogDocMergePolicy;
import org.apache.lucene.index.SegmentReadState;
import org.apache.lucene.index.SegmentWriteState;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.util.VectorUtil;
import org.jspecify.annotations.Nullable;

/**
 * Walks Lucene's graphs of blocks, of which each segment has one: approximate, and can be kept in a
 * folder, from which it is opened without adding the blocks again.
 *
 * <p>The similarity is Lucene's maximum inner product, for vectors that are not normalised. The
 * last {@value #TAIL} blocks at most are scanned instead, because making them visible to Lucene
 * writes a segment, which is too much for every two blocks of a text. A search of at most {@code
 * ef} visible blocks scans them too. Scores are exact. Not thread-safe.
 */
public final class LuceneVectorIndex implements BlockIndex {

  private static final String FIELD = "representative";

  private static final int TAIL = 256;

  private final int dimension;
  private final GraphParameters parameters;
  private final BlockDocuments documents;

  /** The blocks that Lucene's reader does not see yet. */
  private final List<float[]> tail = new ArrayList<>();

  private LuceneVectorIndex(int dimension, GraphParameters parameters, @Nullable Path folder)
      throws IOException {
    checkArgument(dimension > 0, "dimension must be positive: %s", dimension);
    this.dimension = dimension;
    this.parameters = parameters;
    documents =
        new BlockDocuments(
            null,
            folder,
            new IndexWriterConfig()
                .setCodec(codec(dimension, parameters))
                .setMergePolicy(new LogDocMergePolicy()));
    FieldInfo field = FieldInfos.getMergedFieldInfos(documents.reader()).fieldInfo(FIELD);
    if (field != null && field.getVectorDimension() != dimension) {
      documents.close();
      throw new IOException(
          "%s: its vectors have another dimension: %d, expected %d"
              .formatted(folder, field.getVectorDimension(), dimension));
    }
  }

  /** Makes an empty index in memory. */
  public static LuceneVectorIndex inMemory(int dimension, GraphParameters parameters) {
    try {
      return new LuceneVectorIndex(dimension, parameters, null);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Opens an index in a folder of its own, with the blocks that were committed to it.
   *
   * @param folder made when absent
   * @throws IOException if the folder cannot be read or written, is in use, or holds vectors of
   *     another dimension
   */
  public static LuceneVectorIndex open(Path folder, int dimension, GraphParameters parameters)
      throws IOException {
    return new LuceneVectorIndex(dimension, parameters, folder);
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public int size() {
    return documents.size();
  }

  @Override
  public void add(float[] representative) {
    documents.checkOpen();
    IndexChecks.representative(dimension, representative);
    Document document = new Document();
    document.add(
        new KnnFloatVectorField(
            FIELD, representative, VectorSimilarityFunction.MAXIMUM_INNER_PRODUCT));
    documents.add(document);
    tail.add(representative);
    if (tail.size() == TAIL) {
      documents.refresh();
      tail.clear();
    }
  }

  /** Makes the graph anew, in memory: an index in a folder has one writer. */
  @Override
  public LuceneVectorIndex fork(VectorSource vectors) {
    documents.checkOpen();
    LuceneVectorIndex fork = inMemory(dimension, parameters);
    for (int block = 0; block < size(); block++) {
      float[] vector = new float[dimension];
      vectors.read(block, vector);
      fork.add(vector);
    }
    return fork;
  }

  @Override
  public Hits search(float[] query, int k) {
    documents.checkOpen();
    IndexChecks.search(dimension, query, k);
    int found = Math.min(k, size());
    if (found == 0) {
      return Hits.NONE;
    }
    Best best = new Best(found);
    try {
      offer(query, candidates(query, k), best);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int block = documents.visible();
    for (float[] representative : tail) {
      best.offer(block++, VectorUtil.dotProduct(query, representative));
    }
    return best.hits();
  }

  /** Visible blocks in order, at least {@code k} or all, that may be the best. */
  private int[] candidates(float[] query, int k) throws IOException {
    int visible = documents.visible();
    int count = Math.max(k, parameters.ef());
    if (visible > count) {
      ScoreDoc[] near =
          documents
              .searcher()
              .search(new KnnFloatVectorQuery(FIELD, query, count), count)
              .scoreDocs;
      if (near.length >= k) {
        return Arrays.stream(near).mapToInt(hit -> hit.doc).sorted().toArray();
      }
    }
    return IntStream.range(0, visible).toArray();
  }

  private void offer(float[] query, int[] blocks, Best best) throws IOException {
    int next = 0;
    for (LeafReaderContext leaf : documents.reader().leaves()) {
      FloatVectorValues vectors = leaf.reader().getFloatVectorValues(FIELD);
      DocIndexIterator iterator = vectors.iterator();
      int end = leaf.docBase + leaf.reader().maxDoc();
      for (; next < blocks.length && blocks[next] < end; next++) {
        iterator.advance(blocks[next] - leaf.docBase);
        best.offer(
            blocks[next], VectorUtil.dotProduct(query, vectors.vectorValue(iterator.index())));
      }
    }
  }

  /**
   * Writes all blocks to the folder; without this, what was added since the last commit is gone
   * when the index is closed.
   *
   * @throws IOException if that fails
   */
  public void commit() throws IOException {
    documents.commit();
  }

  /** Without the files of a folder: they are mapped, and the system may drop their pages. */
  @Override
  public long residentBytes() {
    return documents.residentBytes() + tail.size() * (long) dimension * Float.BYTES;
  }

  @Override
  public void close() {
    documents.close();
    tail.clear();
  }

  private static Lucene104Codec codec(int dimension, GraphParameters parameters) {
    KnnVectorsFormat format = new WideFormat(dimension, parameters);
    return new Lucene104Codec() {
      @Override
      public KnnVectorsFormat getKnnVectorsFormatForField(String field) {
        return format;
      }
    };
  }

  /**
   * Lucene's format without its limit of 1,024 channels, which guards servers against costly
   * vectors. It has the same name, so what it wrote is read by Lucene's own.
   */
  private static final class WideFormat extends KnnVectorsFormat {

    private final int dimension;
    private final KnnVectorsFormat format;

    WideFormat(int dimension, GraphParameters parameters) {
      super("Lucene99HnswVectorsFormat");
      this.dimension = dimension;
      format = new Lucene99HnswVectorsFormat(parameters.m(), parameters.efConstruction());
    }

    @Override
    public int getMaxDimensions(String field) {
      return dimension;
    }

    @Override
    public KnnVectorsWriter fieldsWriter(SegmentWriteState state) throws IOException {
      return format.fieldsWriter(state);
    }

    @Override
    public KnnVectorsReader fieldsReader(SegmentReadState state) throws IOException {
      return format.fieldsReader(state);
    }
  }
}
