package dev.mneme.integration.runtime;

import static com.google.common.base.Preconditions.checkArgument;

import dev.mneme.attention.simd.SimdAttentionKernel;

/** What computes attention. */
public enum KernelKind {

  /** {@link #SIMD} for models on the CPU where the JVM offers it, otherwise {@link #ONNX}. */
  AUTO,

  /** The JVM's Vector API, on the CPU, wherever the model runs. */
  SIMD,

  /** A graph of ONNX Runtime, on the device that the model runs on. */
  ONNX;

  /**
   * Whether it is the Vector API.
   *
   * @param device that models run on
   * @throws IllegalArgumentException if it is asked for and the JVM does not offer it
   */
  boolean isSimd(Device device) {
    boolean available = SimdAttentionKernel.isAvailable();
    checkArgument(
        this != SIMD || available,
        "kernel simd needs a JVM with --add-modules jdk.incubator.vector, and vectors of 256 bits");
    return switch (this) {
      case AUTO -> available && device instanceof Device.Cpu;
      case SIMD -> true;
      case ONNX -> false;
    };
  }
}
