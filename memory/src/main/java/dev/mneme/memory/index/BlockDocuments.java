package dev.mneme.memory.index;

import static com.google.common.base.Preconditions.checkState;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.lucene.document.Document;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.MultiReader;
import org.apache.lucene.index.SerialMergeScheduler;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.store.ByteBuffersDataOutput;
import org.apache.lucene.store.ByteBuffersDirectory;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.SingleInstanceLockFactory;
import org.apache.lucene.util.IOUtils;
import org.jspecify.annotations.Nullable;

/**
 * A Lucene index with one document a block, whose number is the block's: documents are never
 * deleted, and a {@code LogDocMergePolicy} merges neighbours only, so they keep the order in which
 * they were added. Merges run in the calling thread, which leaves the other cores to the model. Not
 * thread-safe.
 */
final class BlockDocuments implements AutoCloseable {

  /** Blocks in front of those of the writer, shared with the index that this one is a fork of. */
  private final @Nullable IndexReader before;

  private final Directory directory;
  private final boolean inMemory;
  private final IndexWriter writer;
  private DirectoryReader reader;

  /**
   * The blocks before and those of {@link #reader}: that one itself where there are none before.
   */
  private IndexReader all;

  private boolean closed;

  /**
   * Opens what was committed to a folder, or nothing.
   *
   * @param before blocks in front of those, closed with them; null for none
   * @param folder where documents are kept, made when absent; null to keep them in memory
   * @param config analyzer, codec and how segments are merged; the rest is set here
   * @throws IOException if the folder cannot be read or written, or is in use by another index
   */
  BlockDocuments(@Nullable IndexReader before, @Nullable Path folder, IndexWriterConfig config)
      throws IOException {
    this.before = before;
    inMemory = folder == null;
    directory = folder == null ? buffers() : FSDirectory.open(folder);
    try {
      writer =
          new IndexWriter(
              directory,
              config.setMergeScheduler(new SerialMergeScheduler()).setCommitOnClose(false));
    } catch (IOException | RuntimeException e) {
      directory.close();
      throw e;
    }
    try {
      reader = DirectoryReader.open(writer);
      all = behind(reader);
    } catch (IOException | RuntimeException e) {
      IOUtils.closeWhileHandlingException(writer::rollback, directory);
      throw e;
    }
  }

  /** One buffer a file: with several, adding and searching take half as long again. */
  private static Directory buffers() {
    return new ByteBuffersDirectory(
        new SingleInstanceLockFactory(),
        ByteBuffersDataOutput::new,
        ByteBuffersDirectory.OUTPUT_AS_ONE_BUFFER);
  }

  /** Number of blocks, those included that {@link #searcher} does not see yet. */
  int size() {
    return closed ? 0 : writer.getDocStats().numDocs + (before == null ? 0 : before.numDocs());
  }

  void add(Document document) {
    checkOpen();
    try {
      writer.addDocument(document);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Number of blocks that {@link #searcher} sees. */
  int visible() {
    return reader.numDocs();
  }

  /** Makes all blocks visible; returns whether some were not. */
  boolean refresh() {
    checkOpen();
    try {
      DirectoryReader next = DirectoryReader.openIfChanged(reader, writer);
      if (next == null) {
        return false;
      }
      IOUtils.close(before == null ? null : all, reader);
      reader = next;
      all = behind(next);
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A searcher of the visible blocks, valid until the next {@link #refresh}. */
  IndexSearcher searcher() {
    checkOpen();
    IndexSearcher searcher = new IndexSearcher(all);
    // Queries are hardly ever asked again, and a cache would be shared by all indexes of the JVM.
    searcher.setQueryCache(null);
    return searcher;
  }

  private IndexReader behind(DirectoryReader own) throws IOException {
    return before == null ? own : new MultiReader(new IndexReader[] {before, own}, false);
  }

  /** Index of the same blocks, of which those up to now are shared; of texts in memory only. */
  BlockDocuments fork(IndexWriterConfig config) throws IOException {
    refresh();
    return new BlockDocuments(new MultiReader(new IndexReader[] {all}, false), null, config);
  }

  DirectoryReader reader() {
    checkOpen();
    return reader;
  }

  /** Writes all blocks so that they outlive the process. */
  void commit() throws IOException {
    checkOpen();
    writer.commit();
  }

  void checkOpen() {
    checkState(!closed, "the index is closed");
  }

  /** Bytes of what was not written yet, and of the files unless they are in a folder. */
  long residentBytes() {
    if (closed) {
      return 0;
    }
    long bytes = writer.ramBytesUsed();
    if (inMemory) {
      try {
        for (String file : directory.listAll()) {
          bytes += directory.fileLength(file);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return bytes;
  }

  /** Drops what was not committed. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      IOUtils.close(before == null ? null : all, reader, before, writer::rollback, directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
