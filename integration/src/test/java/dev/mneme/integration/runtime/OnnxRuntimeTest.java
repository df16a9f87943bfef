package dev.mneme.integration.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtSession.SessionOptions;
import dev.mneme.attention.AttentionShape;
import dev.mneme.attention.onnx.GraphBuilder;
import dev.mneme.attention.onnx.OnnxAttentionKernel;
import dev.mneme.attention.simd.SimdAttentionKernel;
import dev.mneme.memory.concurrent.Workers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Devices, as far as a machine without one can tell: the provider is another one here. */
class OnnxRuntimeTest {

  private static final AttentionShape SHAPE = new AttentionShape(2, 1, 8, 0.3f);

  /** A provider that lets sessions run where they run anyway and remembers for which device. */
  private static class Recording implements CudaProvider {

    final List<Integer> devices = new ArrayList<>();

    @Override
    public boolean isBuiltIn() {
      return true;
    }

    @Override
    public void addTo(SessionOptions options, int device) throws OrtException {
      devices.add(device);
    }
  }

  private static OnnxRuntime open(String device, KernelKind kernel, CudaProvider provider) {
    return OnnxRuntime.open(Device.parse(device), 1, false, kernel, provider);
  }

  @Test
  void everySessionOfADeviceIsOpenedOnIt() throws Exception {
    Recording provider = new Recording();
    OnnxRuntime runtime = open("cuda:3", KernelKind.ONNX, provider);
    assertThat(provider.devices).as("to see that it is there").containsExactly(3);
    byte[] model =
        new GraphBuilder("model", 17)
            .input("x", DataType.FLOAT, 1)
            .node("Neg", List.of("x"), "y")
            .output("y", DataType.FLOAT, 1)
            .build()
            .toByteArray();
    runtime.open("model", model, null).close();
    runtime.openAlone("model", model, null).close();
    assertThat(provider.devices).containsExactly(3, 3, 3);
    runtime.kernel(SHAPE, Workers.none()).close();
    assertThat(provider.devices).as("attention too").containsExactly(3, 3, 3, 3);
  }

  @Test
  void theProcessorNeedsNoProvider() throws Exception {
    CudaProvider none =
        new CudaProvider() {
          @Override
          public boolean isBuiltIn() {
            throw new AssertionError();
          }

          @Override
          public void addTo(SessionOptions options, int device) {
            throw new AssertionError();
          }
        };
    OnnxRuntime runtime = open("cpu", KernelKind.ONNX, none);
    runtime.options(null).close();
    runtime.kernel(SHAPE, Workers.none()).close();
  }

  @Test
  void aBuildWithoutTheProviderIsNamed() {
    CudaProvider absent =
        new Recording() {
          @Override
          public boolean isBuiltIn() {
            return false;
          }
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("cuda:0", KernelKind.AUTO, absent))
        .withMessage(
            "device cuda:0 cannot be used: this build of ONNX Runtime has no CUDA provider: replace the"
                + " artifact com.microsoft.onnxruntime:onnxruntime by onnxruntime_gpu (Maven profile:"
                + " -Pcuda); or choose device cpu");
  }

  @Test
  void aMissingLibraryIsWhatOnnxRuntimeSays() {
    CudaProvider missing =
        new Recording() {
          @Override
          public void addTo(SessionOptions options, int device) throws OrtException {
            throw new OrtException(
                OrtErrorCode.ORT_FAIL,
                "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library\nmore");
          }
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("cuda", KernelKind.AUTO, missing))
        .withMessage(
            "device cuda:0 cannot be used: ONNX Runtime says"
                + " 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library', and"
                + " more of it on standard error; its CUDA provider needs an NVIDIA driver and the"
                + " libraries of CUDA 12, and devices count from 0; or choose device cpu")
        .withCauseInstanceOf(OrtException.class);
  }

  /**
   * A device that is not there shows when a session is opened, which fails here for its own reason.
   */
  @Test
  void aDeviceThatIsNotThereIsFoundBeforeTheModelIsRead(@TempDir Path folder) {
    CudaProvider outOfRange =
        new Recording() {
          @Override
          public void addTo(SessionOptions options, int device) throws OrtException {
            options.setOptimizedModelFilePath(folder.resolve("absent/" + device).toString());
          }
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("cuda:7", KernelKind.ONNX, outOfRange))
        .withMessageStartingWith("device cuda:7 cannot be used: ONNX Runtime says '")
        .withMessageContaining("absent/7");
  }

  @Test
  void thisBuildOpensNoDeviceThatIsNotThere() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> OnnxRuntime.open(Device.parse("cuda:999"), 1, false, KernelKind.AUTO))
        .withMessageStartingWith("device cuda:999 cannot be used: ");
  }

  @ParameterizedTest
  @EnumSource(KernelKind.class)
  void attentionIsOnTheDeviceUnlessTheHostIsAskedFor(KernelKind kind) {
    assumeThat(SimdAttentionKernel.isAvailable()).isTrue();
    Recording provider = new Recording();
    OnnxRuntime onDevice = open("cuda:1", kind, provider);
    provider.devices.clear();
    try (var kernel = onDevice.kernel(SHAPE, Workers.none())) {
      boolean host = kind == KernelKind.SIMD;
      assertThat(kernel).isInstanceOf(host ? SimdAttentionKernel.class : OnnxAttentionKernel.class);
      assertThat(provider.devices).hasSize(host ? 0 : 1);
    }
    try (var kernel = open("cpu", kind, provider).kernel(SHAPE, Workers.none())) {
      assertThat(kernel)
          .isInstanceOf(
              kind == KernelKind.ONNX ? OnnxAttentionKernel.class : SimdAttentionKernel.class);
    }
  }
}
