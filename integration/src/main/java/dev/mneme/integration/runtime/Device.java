package dev.mneme.integration.runtime;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where segments and attention are computed. */
public sealed interface Device {

  /** Reads {@code cpu}, {@code cuda} (device 0) or {@code cuda:N}. */
  static Device parse(String name) {
    if (name.equals("cpu")) {
      return new Cpu();
    }
    Matcher cuda = Pattern.compile("cuda(?::(\\d{1,3}))?").matcher(name);
    checkArgument(cuda.matches(), "device must be cpu or cuda:N: %s", name);
    return new Cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
  }

  /** What {@link #parse} reads. */
  String name();

  /** The processor. */
  record Cpu() implements Device {
    @Override
    public String name() {
      return "cpu";
    }
  }

  /**
   * A CUDA device.
   *
   * @param index number of the device, from 0
   */
  record Cuda(int index) implements Device {
    @Override
    public String name() {
      return "cuda:" + index;
    }
  }
}
