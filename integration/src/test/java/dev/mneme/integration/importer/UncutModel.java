package dev.mneme.integration.importer;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** An imported model run whole by ONNX Runtime. */
public final class UncutModel implements AutoCloseable {

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  /** Opens {@code model.onnx} in a folder. */
  public UncutModel(Path folder) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      session = environment.createSession(folder.resolve("model.onnx").toString(), options);
    }
  }

  /** Logits for the token after each of {@code ids}, from an empty past: [tokens][vocabulary]. */
  public float[][] logits(int... ids) throws OrtException {
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try {
      long[] row = {1, ids.length};
      long[] ones = new long[ids.length];
      Arrays.fill(ones, 1);
      long[] tokens = Arrays.stream(ids).asLongStream().toArray();
      inputs.put("input_ids", OnnxTensor.createTensor(environment, LongBuffer.wrap(tokens), row));
      inputs.put(
          "attention_mask", OnnxTensor.createTensor(environment, LongBuffer.wrap(ones), row));
      for (var input : session.getInputInfo().values()) {
        if (input.getName().startsWith("past_key_values")
            && input.getInfo() instanceof TensorInfo info) {
          long[] shape = {1, info.getShape()[1], 0, info.getShape()[3]};
          inputs.put(
              input.getName(),
              OnnxTensor.createTensor(environment, FloatBuffer.allocate(0), shape));
        }
      }
      try (OrtSession.Result result = session.run(inputs, Set.of("logits"))) {
        return ((float[][][]) result.get(0).getValue())[0];
      }
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
