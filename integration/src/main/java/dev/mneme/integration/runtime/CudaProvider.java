package dev.mneme.integration.runtime;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession.SessionOptions;

/** ONNX Runtime's execution provider for CUDA devices, or what takes its place in tests. */
interface CudaProvider {

  /** That of the ONNX Runtime on the class path. */
  CudaProvider ON_CLASS_PATH =
      new CudaProvider() {
        @Override
        public boolean isBuiltIn() {
          return OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA);
        }

        @Override
        public void addTo(SessionOptions options, int device) throws OrtException {
          options.addCUDA(device);
        }
      };

  /** Whether this build of ONNX Runtime has it; its libraries may be missing all the same. */
  boolean isBuiltIn();

  /**
   * Lets sessions run on a device.
   *
   * @param device number of the device, from 0; whether there is such a device shows when a session
   *     is opened
   * @throws OrtException if the provider or a library that it needs cannot be loaded
   */
  void addTo(SessionOptions options, int device) throws OrtException;
}
