package dev.mneme.integration.importer;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.Locale;

/**
 * What to make of a GGUF file.
 *
 * @param precision precision of the weight matrices
 * @param accuracyLevel attribute {@code accuracy_level} of ONNX Runtime's MatMulNBits, 0 to 4: at 4
 *     activations are rounded to 8 bits too, which is fastest; at 0 they stay float32. Of no effect
 *     with {@link Precision#FP32}
 */
public record ImportOptions(Precision precision, int accuracyLevel) {

  /** The {@code accuracyLevel} that is taken when none is asked for. */
  public static final int DEFAULT_ACCURACY_LEVEL = 4;

  /** Checks the level. */
  public ImportOptions {
    checkArgument(
        accuracyLevel >= 0 && accuracyLevel <= 4,
        "accuracyLevel must be from 0 to 4: %s",
        accuracyLevel);
  }

  /** The options of {@code precision} with the default accuracy level. */
  public static ImportOptions of(Precision precision) {
    return new ImportOptions(precision, DEFAULT_ACCURACY_LEVEL);
  }

  /** Tells apart the folders made with different options: "fp32", "int4", "int4-level0". */
  String suffix() {
    String name = precision.name().toLowerCase(Locale.ROOT);
    return precision == Precision.FP32 || accuracyLevel == DEFAULT_ACCURACY_LEVEL
        ? name
        : name + "-level" + accuracyLevel;
  }
}
