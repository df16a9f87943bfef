package dev.mneme.benchmarks.durability;

import dev.mneme.MnemeModel;
import dev.mneme.MnemeSession;
import dev.mneme.benchmarks.task.VariedText;
import dev.mneme.integration.cli.ModelOptions;
import dev.mneme.memory.file.MemoryFolder.Access;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** A process that restores a memory and says how long it took and what comes after more tokens. */
final class RestoreProbe implements Callable<Integer> {

  @Mixin private ModelOptions model;

  @Parameters(index = "0")
  private Path memory;

  /** Receives nanoseconds (int64) and the logits (float32 each), big-endian. */
  @Parameters(index = "1")
  private Path answer;

  private RestoreProbe() {}

  @Override
  public Integer call() throws IOException {
    try (MnemeModel opened = model.open()) {
      int[] more = VariedText.tokens(opened.tokenizer(), 2, RestoreCommand.MORE);
      long start = System.nanoTime();
      try (MnemeSession session = opened.restore(memory, Access.READ_ONLY);
          DataOutputStream out = new DataOutputStream(Files.newOutputStream(answer))) {
        out.writeLong(System.nanoTime() - start);
        for (float logit : session.logits(more)) {
          out.writeFloat(logit);
        }
      }
    }
    return 0;
  }

  /** Takes the options of a model, the memory's folder and a file to write. */
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new RestoreProbe())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .execute(args));
  }
}
