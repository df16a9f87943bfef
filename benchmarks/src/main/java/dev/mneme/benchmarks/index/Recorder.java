package dev.mneme.benchmarks.index;

import dev.mneme.memory.index.BlockIndex;
import dev.mneme.memory.index.ExactIndex;
import dev.mneme.memory.index.VectorSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Opens exact indexes, one a layer, that keep what they are given and asked. Forks are not
 * recorded. Not thread-safe, and for one memory only.
 */
final class Recorder implements BlockIndex.Factory {

  private final List<LayerRecording> layers = new ArrayList<>();
  private boolean decoding;

  @Override
  public BlockIndex open(int dimension, VectorSource vectors) {
    LayerRecording layer = new LayerRecording();
    layers.add(layer);
    return new RecordingIndex(new ExactIndex(dimension, vectors), layer);
  }

  /** From here on tokens are read one by one. */
  void decode() {
    decoding = true;
  }

  /** What was recorded so far, layer by layer. */
  List<LayerRecording> layers() {
    return layers;
  }

  private final class RecordingIndex implements BlockIndex {

    private final BlockIndex index;
    private final LayerRecording recording;

    RecordingIndex(BlockIndex index, LayerRecording recording) {
      this.index = index;
      this.recording = recording;
    }

    @Override
    public int dimension() {
      return index.dimension();
    }

    @Override
    public int size() {
      return index.size();
    }

    @Override
    public void add(float[] representative) {
      recording.representatives().add(representative);
      index.add(representative);
    }

    @Override
    public Hits search(float[] query, int k) {
      (decoding ? recording.decode() : recording.prefill()).add(query.clone());
      return index.search(query, k);
    }

    @Override
    public BlockIndex fork(VectorSource vectors) {
      return index.fork(vectors);
    }

    @Override
    public long residentBytes() {
      return index.residentBytes();
    }

    @Override
    public void close() {
      index.close();
    }
  }
}
