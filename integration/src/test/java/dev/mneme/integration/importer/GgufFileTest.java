package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mneme.integration.importer.GgufBytes.Little;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void readsEveryTypeOfMetadata(int version) throws IOException {
    GgufBytes bytes = new GgufBytes();
    bytes.version = version;
    bytes.raw("u8", 0, new byte[] {(byte) 200});
    bytes.raw("i8", 1, new byte[] {-3});
    bytes.raw("u16", 2, new Little().int16(65_000).bytes());
    bytes.raw("i16", 3, new Little().int16(-300).bytes());
    bytes.raw("u32", 4, new Little().int32(-1).bytes());
    bytes.raw("i32", 5, new Little().int32(-70_000).bytes());
    bytes.real("f32", 0.5f).flag("bool", true).text("string", "Ġné");
    bytes.raw("u64", 10, new Little().int64(1L << 40).bytes());
    bytes.raw("i64", 11, new Little().int64(-1L << 40).bytes());
    bytes.raw("f64", 12, new Little().int64(Double.doubleToLongBits(0.1)).bytes());
    Little nested = new Little().int32(9).int64(2);
    nested.int32(0).int64(2).raw((byte) 1, (byte) 2).int32(8).int64(1).string("x");
    bytes.raw("nested", 9, nested.bytes());

    assertThat(parse(bytes.build()).metadata().values())
        .containsExactlyInAnyOrderEntriesOf(
            Map.ofEntries(
                Map.entry("u8", 200L),
                Map.entry("i8", -3L),
                Map.entry("u16", 65_000L),
                Map.entry("i16", -300L),
                Map.entry("u32", 4_294_967_295L),
                Map.entry("i32", -70_000L),
                Map.entry("f32", 0.5),
                Map.entry("bool", true),
                Map.entry("string", "Ġné"),
                Map.entry("u64", 1L << 40),
                Map.entry("i64", -1L << 40),
                Map.entry("f64", 0.1),
                Map.entry("nested", List.of(List.of(1L, 2L), List.of("x")))));
  }

  @Test
  void findsTensorsAtTheirAlignedOffsets() throws IOException {
    byte[] file = sample().build();
    Path path = Files.write(folder.resolve("m.gguf"), file);
    try (Arena arena = Arena.ofConfined()) {
      Map<String, GgufTensor> tensors = GgufFile.open(path, arena).tensors();
      assertThat(tensors.keySet()).containsExactly("a", "b");
      assertThat(tensors.values()).allMatch(tensor -> tensor.data().address() % 32 == 0);
      float[] row = new float[3];
      GgufTensor b = Objects.requireNonNull(tensors.get("b"));
      b.read(1, 0, 3, row, 0);
      assertThat(row).containsExactly(4, 5, 6);
      assertThat(b.rows()).isEqualTo(2);
    }
  }

  @Test
  void refusesTheFileCutAnywhere() {
    byte[] file = sample().build();
    for (int length = 0; length < file.length; length++) {
      byte[] cut = Arrays.copyOf(file, length);
      assertThatThrownBy(() -> parse(cut))
          .as("cut at %d of %d", length, file.length)
          .isExactlyInstanceOf(IOException.class)
          .hasMessageMatching("(?s).*m\\.gguf: offset \\d+: expected .*, found .*");
    }
  }

  @Test
  void survivesAnyDamagedByte() {
    byte[] file = sample().build();
    for (int at = 0; at < file.length; at++) {
      byte[] damaged = file.clone();
      damaged[at] ^= (byte) 0xff;
      try {
        parse(damaged);
      } catch (IOException e) {
        assertThat(e).as("byte %d", at).hasMessageContaining("m.gguf: ");
      }
    }
  }

  @Test
  void saysWhatIsWrong() {
    GgufBytes other = sample();
    other.magic = 0x04034b50;
    assertRefused(other.build(), "offset 0: expected the magic GGUF", "not a GGUF file");
    for (int version : new int[] {0, 1, 4}) {
      GgufBytes old = sample();
      old.version = version;
      assertRefused(old.build(), "offset 4: expected version 2 or 3, found " + version);
    }
    GgufBytes bigEndian = sample();
    bigEndian.version = 0x03000000;
    assertRefused(bigEndian.build(), "a big-endian file");
    assertRefused(
        sample().raw("k", 13, new byte[8]).build(), "expected type of k from 0 to 12, found 13");
    assertRefused(sample().raw("k", 7, new byte[] {2}).build(), "k of 0 or 1, found 2");
    assertRefused(
        sample().tensor("q", 11, new byte[110], 256).build(),
        "supported type of tensor q (F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K,"
            + " BF16), found Q3_K (11)");
    assertRefused(sample().tensor("q", 12, new byte[72], 128).build(), "in blocks of 256");
    assertRefused(sample().tensor("q", 8, new byte[34], 31).build(), "rows of q in blocks of 32");
    assertRefused(sample().tensor("q", 0, new byte[4], 1, 1, 1, 1, 1).build(), "1 to 4 dimensions");
    assertRefused(sample().tensor("q", 0, new byte[4], 1, 0).build(), "possible dimension of q");
    assertRefused(
        sample().tensor("q", 0, new byte[4], 1 << 30, 1 << 30, 1 << 30).build(),
        "possible dimension of q");
    assertRefused(sample().tensor("q", 0, new byte[4], 2).build(), "8 bytes of tensor q");
    assertRefused(sample().number("general.alignment", 24).build(), "general.alignment: expected");
    assertRefused(
        sample().raw("k", 8, new Little().int64(1L << 62).bytes()).build(), "length of k");

    GgufBytes misaligned = sample();
    byte[] file = misaligned.build();
    int at = (int) (long) misaligned.tensorOffsets().getLast();
    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(at, 33);
    assertRefused(file, "offset " + at + ": expected data offset of b aligned to 32, found 33");
  }

  private static GgufBytes sample() {
    return new GgufBytes()
        .text("general.architecture", "llama")
        .numbers("list", List.of(1, 2, 3))
        .floats("a", new float[] {1}, 1)
        .floats("b", new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
  }

  private void assertRefused(byte[] file, String... parts) {
    assertThatThrownBy(() -> parse(file))
        .isExactlyInstanceOf(IOException.class)
        .hasMessageContaining("m.gguf: ")
        .hasMessageContainingAll(parts);
  }

  private GgufFile parse(byte[] file) throws IOException {
    Path path = Files.write(folder.resolve("m.gguf"), file);
    try (Arena arena = Arena.ofConfined()) {
      return GgufFile.open(path, arena);
    }
  }
}
