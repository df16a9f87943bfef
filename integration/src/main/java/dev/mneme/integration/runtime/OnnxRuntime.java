package dev.mneme.integration.runtime;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.onnx.GraphBuilder;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.simd.SimdAttentionKernel;
import dev.mneme.memory.concurrent.Workers;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Opens ONNX Runtime sessions that share one thread pool.
 *
 * <p>ONNX Runtime has one environment a JVM, whose threads are fixed when it is made. When Mneme is
 * the first to use it, all sessions share the environment's pool: pools of their own would fight
 * for the cores, dozens of sessions a model. When the application made the environment before, each
 * session gets threads of its own that do not spin. Thread-safe.
 */
public final class OnnxRuntime {

  private static final int OPSET = 17;

  /** What stands in front of the message in an exception of ONNX Runtime. */
  private static final String MESSAGE = "message: ";

  private final OrtEnvironment environment;
  private final boolean sharedPool;
  private final int threads;
  private final Device device;

  private final CudaProvider cuda;
  private final boolean spinning;
  private final boolean simd;

  private OnnxRuntime(
      SharedEnvironment shared,
      int threads,
      Device device,
      CudaProvider cuda,
      boolean spinning,
      boolean simd) {
    environment = shared.environment;
    sharedPool = shared.ownPool;
    this.threads = threads;
    this.device = device;
    this.cuda = cuda;
    this.spinning = spinning;
    this.simd = simd;
  }

  /**
   * Readies ONNX Runtime for a device.
   *
   * @param threads threads of an operator, 0 for one a core; ignored where the environment's pool
   *     exists already
   * @param spinning whether threads wait for work actively: those of attention if the JVM computes
   *     it, as two pools that do would fight for the cores, and otherwise those of an operator
   * @param kernel what computes attention
   * @throws IllegalArgumentException if the device cannot be used, which a small session is opened
   *     on it to find out, or the kernel needs another JVM; nothing is used in its place
   */
  public static OnnxRuntime open(Device device, int threads, boolean spinning, KernelKind kernel) {
    return open(device, threads, spinning, kernel, CudaProvider.ON_CLASS_PATH);
  }

  /** Readies ONNX Runtime with a provider for CUDA devices. */
  static OnnxRuntime open(
      Device device, int threads, boolean spinning, KernelKind kernel, CudaProvider cuda) {
    if (device instanceof Device.Cuda && !cuda.isBuiltIn()) {
      throw unusable(
          device,
          "this build of ONNX Runtime has no CUDA provider: replace the artifact"
              + " com.microsoft.onnxruntime:onnxruntime by onnxruntime_gpu (Maven profile: -Pcuda)");
    }
    boolean simd = kernel.isSimd(device);
    SharedEnvironment shared = SharedEnvironment.get(threads, spinning && !simd);
    OnnxRuntime runtime = new OnnxRuntime(shared, threads, device, cuda, spinning, simd);
    if (device instanceof Device.Cuda) {
      runtime.checkDevice();
    }
    return runtime;
  }

  private void checkDevice() {
    byte[] model =
        new GraphBuilder("device", OPSET)
            .input("x", DataType.FLOAT, 1)
            .node("Identity", List.of("x"), "y")
            .output("y", DataType.FLOAT, 1)
            .build()
            .toByteArray();
    try (SessionOptions options = commonOptions(null)) {
      environment.createSession(model, options).close();
    } catch (OrtException e) {
      IllegalArgumentException refused =
          unusable(
              device,
              ("ONNX Runtime says '%s', and more of it on standard error; its CUDA provider needs an"
                      + " NVIDIA driver and the libraries of CUDA 12, and devices count from 0")
                  .formatted(said(e)));
      refused.initCause(e);
      throw refused;
    }
  }

  private static IllegalArgumentException unusable(Device device, String why) {
    return new IllegalArgumentException(
        "device %s cannot be used: %s; or choose device cpu".formatted(device.name(), why));
  }

  /** The first line of what ONNX Runtime says, without the error's code. */
  private static String said(OrtException e) {
    String message = String.valueOf(e.getMessage());
    int start = message.indexOf(MESSAGE);
    return message
        .substring(start < 0 ? 0 : start + MESSAGE.length())
        .lines()
        .findFirst()
        .orElse("");
  }

  /** The JVM's ONNX Runtime environment. */
  public OrtEnvironment environment() {
    return environment;
  }

  /**
   * Options of a session on this device; the caller closes them.
   *
   * @param weights folder of external weights, or null where there are none
   */
  public SessionOptions options(@Nullable Path weights) {
    try {
      SessionOptions options = commonOptions(weights);
      if (sharedPool) {
        options.disablePerSessionThreads();
      } else {
        options.setIntraOpNumThreads(threads);
        options.addConfigEntry("session.intra_op.allow_spinning", "0");
      }
      return options;
    } catch (OrtException e) {
      throw new ModelException("ONNX Runtime refuses the session options: " + e.getMessage(), e);
    }
  }

  private SessionOptions commonOptions(@Nullable Path weights) throws OrtException {
    SessionOptions options = new SessionOptions();
    // An arena a session would keep the intermediate tensors of every segment: hundreds of
    // megabytes for what the heap of the C library hands from one segment to the next.
    options.setCPUArenaAllocator(false);
    options.setMemoryPatternOptimization(false);
    if (weights != null) {
      options.addConfigEntry(
          "session.model_external_initializers_file_folder_path", weights.toString());
    }
    switch (device) {
      case Device.Cpu cpu -> {}
      case Device.Cuda chosen -> cuda.addTo(options, chosen.index());
    }
    return options;
  }

  /** Starts the threads beside those of ONNX Runtime; the caller closes them. */
  Workers workers() {
    int cores = Runtime.getRuntime().availableProcessors();
    return new Workers(threads == 0 ? cores : threads, simd && spinning);
  }

  /**
   * Opens an attention kernel, which the caller closes.
   *
   * @param workers attend, unless ONNX Runtime does
   */
  AttentionKernel kernel(AttentionShape shape, Workers workers) {
    if (simd) {
      return new SimdAttentionKernel(workers);
    }
    try (SessionOptions options = options(null)) {
      return new OnnxAttentionKernel(environment, options, shape);
    }
  }

  /**
   * Opens a model from its bytes; the caller closes the session.
   *
   * @param name what the error message calls it
   * @param weights folder of external weights, or null where there are none
   */
  public OrtSession open(String name, byte[] model, @Nullable Path weights) {
    try (SessionOptions options = options(weights)) {
      return open(name, model, options);
    }
  }

  /**
   * Opens a model that runs alone: its threads are its own, and wait actively, whatever others do,
   * as long as it runs.
   */
  public OrtSession openAlone(String name, byte[] model, @Nullable Path weights) {
    try (SessionOptions options = commonOptions(weights)) {
      options.setIntraOpNumThreads(threads);
      options.addConfigEntry("session.force_spinning_stop", "1");
      return open(name, model, options);
    } catch (OrtException e) {
      throw new ModelException("ONNX Runtime refuses the session options: " + e.getMessage(), e);
    }
  }

  private OrtSession open(String name, byte[] model, SessionOptions options) {
    try {
      return environment.createSession(model, options);
    } catch (OrtException e) {
      throw new ModelException("ONNX Runtime cannot open " + name + ": " + e.getMessage(), e);
    }
  }

  /** The environment, and whether its thread pool is ours. */
  private record SharedEnvironment(OrtEnvironment environment, boolean ownPool) {

    /** Reserved, not used: a command line may have some hundred kilobytes. */
    private static final long DEEP_STACK_BYTES = 512L << 20;

    private static @Nullable SharedEnvironment first;

    static synchronized SharedEnvironment get(int threads, boolean spinning) {
      if (first == null) {
        first = withDeepStack(() -> create(threads, spinning));
      }
      return first;
    }

    /**
     * ONNX Runtime 1.29 and 1.30 search the command line of the process with a recursive regular
     * expression for their telemetry, which overflows the stack of a Java thread where the class
     * path is long: the process ends without a word.
     */
    private static SharedEnvironment withDeepStack(Callable<SharedEnvironment> make) {
      FutureTask<SharedEnvironment> task = new FutureTask<>(make);
      new Thread(null, task, "mneme-onnxruntime-start", DEEP_STACK_BYTES).start();
      try {
        return Uninterruptibles.getUninterruptibly(task);
      } catch (ExecutionException e) {
        throw new ModelException("ONNX Runtime cannot start: " + e.getMessage(), e);
      }
    }

    private static SharedEnvironment create(int threads, boolean spinning) throws OrtException {
      try (OrtEnvironment.ThreadingOptions pool = new OrtEnvironment.ThreadingOptions()) {
        pool.setGlobalIntraOpNumThreads(threads);
        pool.setGlobalInterOpNumThreads(1);
        pool.setGlobalSpinControl(spinning);
        OrtEnvironment made =
            OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING, "mneme", pool);
        made.setTelemetry(false);
        return new SharedEnvironment(made, true);
      } catch (IllegalStateException e) {
        // The application made the environment first; its pool, if any, is not ours to assume.
        return new SharedEnvironment(OrtEnvironment.getEnvironment(), false);
      }
    }
  }
}
