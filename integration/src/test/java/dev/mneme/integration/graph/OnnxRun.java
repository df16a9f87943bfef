package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** One ONNX Runtime session whose tensors are Java arrays. */
final class OnnxRun implements AutoCloseable {

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  OnnxRun(ModelProto model, Path folder) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.addConfigEntry(
          "session.model_external_initializers_file_folder_path", folder.toString());
      session = environment.createSession(model.toByteArray(), options);
    }
  }

  Set<String> inputs() {
    return session.getInputNames();
  }

  Map<String, Tensor> run(Map<String, Tensor> inputs) throws OrtException {
    Map<String, OnnxTensor> given = new HashMap<>();
    try {
      for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
        given.put(input.getKey(), onnx(input.getValue()));
      }
      Map<String, Tensor> outputs = new HashMap<>();
      try (OrtSession.Result result = session.run(given)) {
        for (String name : session.getOutputNames()) {
          OnnxTensor tensor = (OnnxTensor) result.get(name).orElseThrow();
          FloatBuffer buffer = tensor.getFloatBuffer();
          float[] values = new float[buffer.remaining()];
          buffer.get(values);
          outputs.put(name, new Floats(values, tensor.getInfo().getShape()));
        }
      }
      return outputs;
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
  }

  static float[] floats(Map<String, Tensor> tensors, String name) {
    return ((Floats) Objects.requireNonNull(tensors.get(name), name)).values();
  }

  private OnnxTensor onnx(Tensor tensor) throws OrtException {
    return switch (tensor) {
      case Floats floats ->
          OnnxTensor.createTensor(environment, FloatBuffer.wrap(floats.values), floats.shape);
      case Longs longs ->
          OnnxTensor.createTensor(environment, LongBuffer.wrap(longs.values), longs.shape);
    };
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }

  sealed interface Tensor {}

  @SuppressWarnings("ArrayRecordComponent")
  record Floats(float[] values, long... shape) implements Tensor {}

  @SuppressWarnings("ArrayRecordComponent")
  record Longs(long[] values, long... shape) implements Tensor {}
}
