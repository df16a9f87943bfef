package dev.mneme.memory.simd;

/** Whether the JVM runs with the Vector API, on a machine whose vectors make it worth it. */
public final class VectorApi {

  private static final boolean FAST =
      ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
          && VectorProducts.LANES >= 8;

  private VectorApi() {}

  /** Whether it does, with vectors of 256 bits at least. */
  public static boolean isFast() {
    return FAST;
  }
}
