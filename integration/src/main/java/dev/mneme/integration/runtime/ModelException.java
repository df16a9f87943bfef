package dev.mneme.integration.runtime;

/**
 * ONNX Runtime refused or failed: the message says what was attempted and what it answered.
 *
 * <p>The one unchecked form of {@link ai.onnxruntime.OrtException}.
 */
public final class ModelException extends RuntimeException {

  private static final long serialVersionUID = 1;

  /** Makes an exception with a message of one sentence. */
  public ModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
