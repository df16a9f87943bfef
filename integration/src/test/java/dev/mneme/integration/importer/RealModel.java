package dev.mneme.integration.importer;

import java.io.IOException;
import java.nio.file.Path;

/**
 * SmolLM2-135M-Instruct for tests, fetched and converted into the cache folder of this user where
 * it is not there yet.
 */
public final class RealModel {

  private RealModel() {}

  /** The folder of the model in {@code precision}, with the default accuracy level. */
  public static Path folder(Precision precision) throws IOException {
    return folder(ImportOptions.of(precision));
  }

  /** The folder of the model made with {@code options}. */
  public static Path folder(ImportOptions options) throws IOException {
    return ModelLibrary.ofUser(Progress.NONE).resolve("smollm2", options);
  }
}
