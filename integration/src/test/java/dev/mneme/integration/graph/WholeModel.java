package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OrtException;
import dev.mneme.integration.graph.OnnxRun.Floats;
import dev.mneme.integration.graph.OnnxRun.Longs;
import dev.mneme.integration.graph.OnnxRun.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;

/** The uncut model with its own cache. */
final class WholeModel implements AutoCloseable {

  private final OnnxRun run;
  private final String logits;
  private final Map<String, Tensor> past = new HashMap<>();
  private int length;

  WholeModel(ModelGraph graph) throws IOException, OrtException {
    ModelProto model = ModelProto.parseFrom(Files.readAllBytes(graph.onnxFile()));
    run = new OnnxRun(model, graph.folder());
    logits = graph.logits();
    for (AttentionLayer layer : graph.layers()) {
      Floats empty = new Floats(new float[0], 1, layer.kvHeads(), 0, layer.headDim());
      past.put("past_key_values.%d.key".formatted(layer.index()), empty);
      past.put("past_key_values.%d.value".formatted(layer.index()), empty);
    }
  }

  /** Reads further tokens and returns their logits, {@code [tokens, vocabulary]}. */
  float[] read(long... ids) throws OrtException {
    Map<String, Tensor> inputs = new HashMap<>(past);
    inputs.put("input_ids", new Longs(ids, 1, ids.length));
    long[] mask = new long[length + ids.length];
    Arrays.fill(mask, 1);
    inputs.put("attention_mask", new Longs(mask, 1, mask.length));
    if (run.inputs().contains("position_ids")) {
      long[] positions = LongStream.range(length, mask.length).toArray();
      inputs.put("position_ids", new Longs(positions, 1, ids.length));
    }
    Map<String, Tensor> outputs = run.run(inputs);
    past.replaceAll((name, empty) -> outputs.get(name.replace("past_key_values", "present")));
    length += ids.length;
    return OnnxRun.floats(outputs, logits);
  }

  @Override
  public void close() throws OrtException {
    run.close();
  }
}
