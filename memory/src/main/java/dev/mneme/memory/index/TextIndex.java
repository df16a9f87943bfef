package dev.mneme.memory.index;

import dev.mneme.memory.index.BlockIndex.Hits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.FieldType;
import org.apache.lucene.index.IndexOptions;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.LogDocMergePolicy;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.Scorer;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.Weight;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.jspecify.annotations.Nullable;

/**
 * Finds blocks by the words that they share with a query, scored by BM25 (Robertson and Zaragoza
 * 2009) with {@code k1 = 1.2} and {@code b = 0.75}.
 *
 * <p>A session has one such index for all layers: the text of a block is the same in each. Words
 * are those of {@link BlockAnalyzer}. Blocks are numbered from 0 in the order in which their texts
 * were added. Not thread-safe. Methods of a closed index throw {@link IllegalStateException}.
 */
public final class TextIndex implements AutoCloseable {

  private static final String FIELD = "text";

  /** Blocks that are merged anew with every few that are added. */
  private static final int SMALL_SEGMENT = 64;

  private static final FieldType TYPE = type();

  private final Analyzer analyzer;
  private final BlockDocuments documents;

  /**
   * Where {@link #blocks} and {@link #blockScores} tell of the words that were looked up since
   * blocks were last added. The next query in decoding is asked a token later and has nearly all of
   * the last one's, and looking a word up takes much longer than adding its scores.
   */
  private final Map<String, Found> found = new HashMap<>();

  /** One after the other the blocks of each word, in arrays that last: common words have many. */
  private int[] blocks = {};

  private float[] blockScores = {};
  private int filled;

  private TextIndex(Analyzer analyzer, BlockDocuments documents) {
    this.analyzer = analyzer;
    this.documents = documents;
  }

  private static TextIndex in(@Nullable Path folder) throws IOException {
    Analyzer analyzer = new BlockAnalyzer();
    return new TextIndex(analyzer, new BlockDocuments(null, folder, configuration(analyzer)));
  }

  /**
   * A search looks each word up in each segment, and most of its time goes into that: two segments
   * of about one size are merged at once, and small ones in any case.
   */
  private static IndexWriterConfig configuration(Analyzer analyzer) {
    LogDocMergePolicy merges = new LogDocMergePolicy();
    merges.setMergeFactor(2);
    merges.setMinMergeDocs(SMALL_SEGMENT);
    return new IndexWriterConfig(analyzer)
        .setSimilarity(new BM25Similarity())
        .setMergePolicy(merges);
  }

  /** Makes an empty index in memory. */
  public static TextIndex inMemory() {
    try {
      return in(null);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Opens an index in a folder of its own, with the blocks that were committed to it.
   *
   * @param folder made when absent
   * @throws IOException if the folder cannot be read or written, or is in use
   */
  public static TextIndex open(Path folder) throws IOException {
    return in(folder);
  }

  /**
   * An index of the same blocks, which are shared; what is added to one of the two changes nothing
   * in the other. The fork is in memory, may be used by another thread and is closed on its own.
   */
  public TextIndex fork() {
    try {
      Analyzer own = new BlockAnalyzer();
      return new TextIndex(own, documents.fork(configuration(own)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Neither positions, which only phrases need, nor the text itself are kept. */
  private static FieldType type() {
    FieldType type = new FieldType();
    type.setTokenized(true);
    type.setIndexOptions(IndexOptions.DOCS_AND_FREQS);
    type.freeze();
    return type;
  }

  /** Number of blocks. */
  public int size() {
    return documents.size();
  }

  /** Adds the next block, whose text may be empty. */
  public void add(String text) {
    Document document = new Document();
    document.add(new Field(FIELD, text, TYPE));
    documents.add(document);
  }

  /**
   * Finds the {@code k} blocks with the largest scores among those that share a word with the
   * query. Equal scores go to the lowest block number.
   *
   * @param query text
   * @return at most {@code k} blocks, ascending by block number
   */
  public Hits search(String query, int k) {
    documents.checkOpen();
    IndexChecks.count(k);
    Set<String> words = words(query);
    if (k == 0 || words.isEmpty()) {
      return Hits.NONE;
    }
    if (documents.refresh()) {
      found.clear();
      filled = 0;
    }
    double[] scores = new double[documents.size()];
    for (String word : words) {
      Found of = found.computeIfAbsent(word, this::find);
      for (int i = of.from; i < of.to; i++) {
        scores[blocks[i]] += blockScores[i];
      }
    }
    Best best = new Best(k);
    for (int block = 0; block < scores.length; block++) {
      if (scores[block] > 0) {
        best.offer(block, (float) scores[block]);
      }
    }
    return best.hits();
  }

  /** Looks a word up. */
  private Found find(String word) {
    int from = filled;
    try {
      IndexSearcher searcher = documents.searcher();
      Weight weight =
          searcher.createWeight(new TermQuery(new Term(FIELD, word)), ScoreMode.COMPLETE, 1);
      for (LeafReaderContext leaf : searcher.getLeafContexts()) {
        Scorer scorer = weight.scorer(leaf);
        if (scorer != null) {
          DocIdSetIterator hits = scorer.iterator();
          while (hits.nextDoc() != DocIdSetIterator.NO_MORE_DOCS) {
            if (filled == blocks.length) {
              blocks = Arrays.copyOf(blocks, 2 * filled + SMALL_SEGMENT);
              blockScores = Arrays.copyOf(blockScores, blocks.length);
            }
            blocks[filled] = leaf.docBase + hits.docID();
            blockScores[filled] = scorer.score();
            filled++;
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Found(from, filled);
  }

  /** A word's part of the blocks and scores. */
  private record Found(int from, int to) {}

  /** The query's words. */
  private Set<String> words(String query) {
    Set<String> words = new LinkedHashSet<>();
    try (TokenStream stream = analyzer.tokenStream(FIELD, query)) {
      CharTermAttribute word = stream.addAttribute(CharTermAttribute.class);
      stream.reset();
      while (stream.incrementToken()) {
        words.add(word.toString());
      }
      stream.end();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return words;
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

  /** Bytes of memory held; without the files of a folder, whose pages the system may drop. */
  public long residentBytes() {
    return documents.residentBytes() + blocks.length * (long) (Integer.BYTES + Float.BYTES);
  }

  /** Frees what the index holds; closing twice is harmless. */
  @Override
  public void close() {
    documents.close();
    analyzer.close();
  }
}
