package dev.mneme.integration.runtime;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.mneme.attention.AttentionKernel;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.simd.SimdAttentionKernel;
import java.nio.file.Path;
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

  private final OrtEnvironment environment;
  private final boolean sharedPool;
  private final int threads;
  private final Device device;

  private final boolean spinning;
  private final boolean simd;

  private OnnxRuntime(
      SharedEnvironment shared, int threads, Device device, boolean spinning, boolean simd) {
    environment = shared.environment;
    sharedPool = shared.ownPool;
    this.threads = threads;
    this.device = device;
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
   * @throws IllegalArgumentException if the device needs another build of ONNX Runtime, or the
   *     kernel another JVM
   */
  public static OnnxRuntime open(Device device, int threads, boolean spinning, KernelKind kernel) {
    if (device instanceof Device.Cuda
        && !OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA)) {
      throw new IllegalArgumentException(
          "this build of ONNX Runtime has no CUDA provider: replace the artifact"
              + " com.microsoft.onnxruntime:onnxruntime by onnxruntime_gpu (Maven profile: -Pcuda),"
              + " or choose device cpu");
    }
    boolean simd = kernel.isSimd(device);
    SharedEnvironment shared = SharedEnvironment.get(threads, spinning && !simd);
    return new OnnxRuntime(shared, threads, device, spinning, simd);
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
      case Device.Cuda cuda -> options.addCUDA(cuda.index());
    }
    return options;
  }

  /** Opens an attention kernel, which the caller closes. */
  AttentionKernel kernel(AttentionShape shape) {
    if (simd) {
      int cores = Runtime.getRuntime().availableProcessors();
      return new SimdAttentionKernel(threads == 0 ? cores : threads, spinning);
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
