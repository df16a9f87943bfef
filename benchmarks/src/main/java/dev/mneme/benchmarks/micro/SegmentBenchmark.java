package dev.mneme.benchmarks.micro;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.mneme.integration.graph.ModelGraph;
import dev.mneme.integration.graph.Segment;
import dev.mneme.integration.graph.TensorSpec;
import dev.mneme.integration.importer.ModelLibrary;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.importer.Progress;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.OnnxRuntime;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The part of SmolLM2-135M between two attention layers. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class SegmentBenchmark {

  /** Tokens that go through it together. */
  @Param({"1", "64", "512"})
  private int tokens = 1;

  private final Arena arena = Arena.ofShared();
  private final Map<String, OnnxTensor> inputs = new HashMap<>();
  private final Map<String, OnnxTensor> outputs = new HashMap<>();
  private final Map<String, float[]> heap = new HashMap<>();
  private OnnxRuntime runtime = OnnxRuntime.open(Device.parse("cpu"), 0, true, KernelKind.ONNX);
  private List<OrtSession> session = List.of();

  /** Opens the segment and makes its tensors. */
  @Setup
  public void open() throws IOException, OrtException {
    ModelGraph graph =
        ModelGraph.read(ModelLibrary.ofUser(Progress.NONE).resolve("smollm2", Precision.FP32));
    Segment segment = graph.segments().get(1);
    session = List.of(runtime.open("segment 1", segment.model().toByteArray(), graph.folder()));
    for (TensorSpec spec : segment.inputs()) {
      inputs.put(spec.name(), tensor(spec));
      heap.put(spec.name(), new float[tokens * spec.width()]);
    }
    for (TensorSpec spec : segment.outputs()) {
      outputs.put(spec.name(), tensor(spec));
    }
  }

  private OnnxTensor tensor(TensorSpec spec) throws OrtException {
    if (spec.type() != DataType.FLOAT) {
      throw new IllegalStateException("not float32: " + spec.name());
    }
    FloatBuffer view =
        arena
            .allocate((long) tokens * spec.width() * Float.BYTES, 64)
            .asByteBuffer()
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    return OnnxTensor.createTensor(runtime.environment(), view, shape(spec.width()));
  }

  private long[] shape(int width) {
    return new long[] {1, tokens, width};
  }

  /** Closes everything. */
  @TearDown
  public void close() throws OrtException {
    for (OrtSession each : session) {
      each.close();
    }
    inputs.values().forEach(OnnxTensor::close);
    outputs.values().forEach(OnnxTensor::close);
    arena.close();
  }

  /** As sessions run it: tensors are views that last, and results are written in place. */
  @Benchmark
  public void views() throws OrtException {
    session.getFirst().run(inputs, Set.of(), outputs).close();
  }

  /** As it is often written: tensors from arrays, results copied out of new ones. */
  @Benchmark
  public float copies() throws OrtException {
    Map<String, OnnxTensor> copies = new HashMap<>();
    for (Map.Entry<String, float[]> input : heap.entrySet()) {
      int width = input.getValue().length / tokens;
      copies.put(
          input.getKey(),
          OnnxTensor.createTensor(
              runtime.environment(), FloatBuffer.wrap(input.getValue()), shape(width)));
    }
    float sum = 0;
    try (OrtSession.Result results = session.getFirst().run(copies)) {
      for (Map.Entry<String, ?> output : results) {
        float[][][] values = (float[][][]) ((OnnxTensor) output.getValue()).getValue();
        sum += values[0][0][0];
      }
    }
    copies.values().forEach(OnnxTensor::close);
    return sum;
  }
}
