package dev.mneme.benchmarks.durability;

import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A process that restores a memory and says how long it took and what comes next. */
final class RestoreProbe {

  private RestoreProbe() {}

  /**
   * Takes the model's folder, the memory's and a file to write: nanoseconds (int64) and the logits
   * (float32 each), big-endian.
   */
  public static void main(String[] args) throws IOException {
    try (MnemeModel model = MnemeModel.builder(Path.of(args[0])).open()) {
      long start = System.nanoTime();
      try (MnemeSession session = model.restore(Path.of(args[1]), Access.READ_ONLY);
          DataOutputStream out = new DataOutputStream(Files.newOutputStream(Path.of(args[2])))) {
        out.writeLong(System.nanoTime() - start);
        for (float logit : session.logits()) {
          out.writeFloat(logit);
        }
      }
    }
  }
}
