package dev.mneme.integration.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {

  @ParameterizedTest
  @CsvSource({"cpu, cpu", "cuda, cuda:0", "cuda:0, cuda:0", "cuda:15, cuda:15"})
  void isReadAndNamed(String given, String name) {
    assertThat(Device.parse(given).name()).isEqualTo(name);
    assertThat(Device.parse(name)).isEqualTo(Device.parse(given));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "CPU", "gpu", "cuda:", "cuda:-1", "cuda:1000", "cuda:0 ", "cuda 0"})
  void othersAreRefused(String given) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Device.parse(given))
        .withMessage("device must be cpu or cuda:N: " + given);
  }
}
