package dev.mneme.integration.graph;

import ai.onnxruntime.OrtException;
import dev.mneme.integration.graph.OnnxRun.Floats;
import dev.mneme.integration.graph.OnnxRun.Longs;
import dev.mneme.integration.graph.OnnxRun.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The cut model: its segments on ONNX Runtime, and causal attention in plain Java between them. */
final class CutModel implements AutoCloseable {

  private final ModelGraph graph;
  private final List<OnnxRun> runs = new ArrayList<>();
  private final List<List<float[]>> keys = new ArrayList<>();
  private final List<List<float[]>> values = new ArrayList<>();

  CutModel(ModelGraph graph) throws OrtException {
    this.graph = graph;
    for (Segment segment : graph.segments()) {
      runs.add(new OnnxRun(segment.model(), graph.folder()));
      keys.add(new ArrayList<>());
      values.add(new ArrayList<>());
    }
  }

  /** Reads further tokens and returns their logits, {@code [tokens, vocabulary]}. */
  float[] read(long... ids) throws OrtException {
    Map<String, Tensor> tensors = new HashMap<>();
    tensors.put(graph.tokenInput(), new Longs(ids, 1, ids.length));
    for (Segment segment : graph.segments()) {
      Map<String, Tensor> inputs = new HashMap<>();
      segment.inputs().forEach(input -> inputs.put(input.name(), tensors.get(input.name())));
      tensors.putAll(runs.get(segment.index()).run(inputs));
      if (segment.index() < graph.layers().size()) {
        AttentionLayer layer = graph.layers().get(segment.index());
        float[] output = attend(layer, tensors, ids.length);
        tensors.put(
            layer.output(),
            new Floats(output, 1, ids.length, (long) layer.heads() * layer.headDim()));
      }
    }
    return OnnxRun.floats(tensors, graph.logits());
  }

  private float[] attend(AttentionLayer layer, Map<String, Tensor> tensors, int tokens) {
    int h = layer.headDim();
    List<float[]> past = keys.get(layer.index());
    List<float[]> pastValues = values.get(layer.index());
    float[] output = new float[tokens * layer.heads() * h];
    for (int t = 0; t < tokens; t++) {
      List<float[]> rows = new ArrayList<>();
      for (String name : layer.projection().tensors()) {
        float[] all = OnnxRun.floats(tensors, name);
        int width = all.length / tokens;
        rows.add(Arrays.copyOfRange(all, t * width, (t + 1) * width));
      }
      float[] row = concatenate(rows);
      int position = past.size();
      for (int head = 0; head < layer.heads() + layer.kvHeads(); head++) {
        rotate(row, head * h, position, layer.rotary().shorter());
      }
      int keyStart = layer.heads() * h;
      int valueStart = keyStart + layer.kvHeads() * h;
      past.add(Arrays.copyOfRange(row, keyStart, valueStart));
      pastValues.add(Arrays.copyOfRange(row, valueStart, row.length));
      for (int head = 0; head < layer.heads(); head++) {
        int kv = head / (layer.heads() / layer.kvHeads());
        double[] weights = new double[past.size()];
        double sum = 0;
        int first = layer.window() == 0 ? 0 : Math.max(0, weights.length - layer.window());
        for (int s = first; s < weights.length; s++) {
          double product = 0;
          for (int e = 0; e < h; e++) {
            product += row[head * h + e] * past.get(s)[kv * h + e];
          }
          double score = layer.scale() * product;
          double bounded =
              layer.softcap() == 0 ? score : layer.softcap() * Math.tanh(score / layer.softcap());
          weights[s] = Math.exp(bounded);
          sum += weights[s];
        }
        for (int s = 0; s < weights.length; s++) {
          for (int e = 0; e < h; e++) {
            output[(t * layer.heads() + head) * h + e] +=
                (float) (weights[s] / sum * pastValues.get(s)[kv * h + e]);
          }
        }
      }
    }
    return output;
  }

  private static float[] concatenate(List<float[]> rows) {
    float[] all = new float[rows.stream().mapToInt(row -> row.length).sum()];
    int at = 0;
    for (float[] row : rows) {
      System.arraycopy(row, 0, all, at, row.length);
      at += row.length;
    }
    return all;
  }

  private static void rotate(float[] row, int from, int position, RotaryTable table) {
    double[] frequencies = table.inverseFrequencies();
    for (int j = 0; j < frequencies.length; j++) {
      int a = from + (table.interleaved() ? 2 * j : j);
      int b = table.interleaved() ? a + 1 : a + frequencies.length;
      double cos = table.magnitude() * Math.cos(position * frequencies[j]);
      double sin = table.magnitude() * Math.sin(position * frequencies[j]);
      float rotated = (float) (row[a] * cos - row[b] * sin);
      row[b] = (float) (row[a] * sin + row[b] * cos);
      row[a] = rotated;
    }
  }

  @Override
  public void close() throws OrtException {
    for (OnnxRun run : runs) {
      run.close();
    }
  }
}
