import com.google.common.base.VerifyException;
import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Checks or applies google-java-format to every Java source of the repository.
 *
 * <p>Arguments: {@code check} or {@code apply}, then the root folder. The build runs it in source
 * form on the JDK of the toolchain, because google-java-format cannot parse syntax newer than the
 * JVM that it runs in.
 */
final class Format {

  public static void main(String[] args) throws IOException {
    boolean apply =
        switch (args[0]) {
          case "apply" -> true;
          case "check" -> false;
          default ->
              throw new IllegalArgumentException("format must be check or apply: " + args[0]);
        };
    Path root = Path.of(args[1]);
    List<String> complaints = new ArrayList<>();
    for (Path file : sources(root)) {
      String source = Files.readString(file);
      try {
        String formatted = format(source);
        if (formatted.equals(source)) {
          continue;
        }
        if (apply) {
          Files.writeString(file, formatted);
        } else {
          complaints.add(root.relativize(file) + ": not formatted");
        }
      } catch (FormatterException | VerifyException e) {
        complaints.add(root.relativize(file) + ": " + e.getMessage());
      }
    }
    if (!complaints.isEmpty()) {
      complaints.forEach(System.err::println);
      System.err.println("To format the sources: ./mvnw -q -N process-sources -Dformat=apply");
      System.exit(1);
    }
  }

  private static List<Path> sources(Path root) throws IOException {
    List<Path> sources = new ArrayList<>();
    try (Stream<Path> children = Files.list(root)) {
      for (Path module :
          children.filter(child -> Files.exists(child.resolve("pom.xml"))).toList()) {
        try (Stream<Path> files = Files.walk(module.resolve("src"))) {
          files.filter(file -> file.toString().endsWith(".java")).sorted().forEach(sources::add);
        }
      }
    }
    sources.add(root.resolve(".mvn/Format.java"));
    return sources;
  }

  private static String format(String source) throws FormatterException {
    String imports =
        ImportOrderer.reorderImports(
            RemoveUnusedImports.removeUnusedImports(source), JavaFormatterOptions.Style.GOOGLE);
    return new Formatter().formatSource(imports);
  }
}
