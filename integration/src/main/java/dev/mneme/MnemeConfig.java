package dev.mneme;

import static com.google.common.base.Preconditions.checkArgument;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.google.common.base.Splitter;
import com.sun.management.OperatingSystemMXBean;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.runtime.Device;
import dev.mneme.integration.runtime.KernelKind;
import dev.mneme.integration.runtime.SelfCheck;
import dev.mneme.memory.codec.BlockPrecision;
import dev.mneme.memory.index.IndexKind;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How a model is opened. Immutable.
 *
 * <p>In YAML, every key is optional and an unknown one is refused:
 *
 * <pre>
 * device: cpu
 * memory:
 *   nLocal: 2048
 *   topK: 8
 * </pre>
 *
 * @param device {@code cpu} or {@code cuda:N}
 * @param threads threads of an ONNX operator, 0 for one a core; the first model opened in a JVM
 *     decides
 * @param spinning whether those threads wait for work actively: some percent faster, but they keep
 *     their cores from other programs while a model runs; the first model decides here too
 * @param kernel what computes the attention
 * @param selfCheck when a model is compared with what it was cut from, which takes as long as
 *     opening that, and its memory
 * @param chunk tokens that go through the model together while a text is read; a multiple of {@code
 *     memory.queryBlock}
 * @param maxMemoryMiB most mebibytes that the far memory of one session may hold, 0 for three
 *     quarters of the machine's memory
 * @param maxResidentBytes most bytes of memory for far blocks, what finds them and one working set;
 *     beyond that, blocks of all sessions are in files of the working folder; 0 to keep all blocks
 *     in memory
 * @param workingFolder where those files are until their session is closed; empty for the system's
 *     folder of temporary files
 * @param commitTokens a session with a folder of its own commits whenever it has read so many more
 *     tokens; 0 to commit only when it is saved
 * @param blockPrecision in what precision far blocks are kept
 * @param index how far blocks are found
 * @param memory the memory of each session
 */
public record MnemeConfig(
    String device,
    int threads,
    boolean spinning,
    KernelKind kernel,
    SelfCheck.When selfCheck,
    int chunk,
    long maxMemoryMiB,
    long maxResidentBytes,
    String workingFolder,
    int commitTokens,
    BlockPrecision blockPrecision,
    IndexKind index,
    MemoryConfig memory) {

  /** Checks the values against each other. */
  public MnemeConfig {
    Device.parse(device);
    checkArgument(threads >= 0, "threads must not be negative: %s", threads);
    checkArgument(
        chunk > 0 && chunk % memory.queryBlock() == 0,
        "chunk must be a multiple of memory.queryBlock: chunk %s, queryBlock %s",
        chunk,
        memory.queryBlock());
    checkArgument(maxMemoryMiB >= 0, "maxMemoryMiB must not be negative: %s", maxMemoryMiB);
    checkArgument(
        maxResidentBytes >= 0, "maxResidentBytes must not be negative: %s", maxResidentBytes);
    checkArgument(commitTokens >= 0, "commitTokens must not be negative: %s", commitTokens);
  }

  /** The defaults. */
  public static MnemeConfig defaults() {
    return builder().build();
  }

  /**
   * Reads a configuration; keys that are left out keep their defaults.
   *
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if a key is unknown or a value is refused; the message names
   *     the file and the key
   */
  public static MnemeConfig read(Path file) throws IOException {
    try {
      return parse(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads a configuration from the text of a YAML or JSON document.
   *
   * @throws IllegalArgumentException as {@link #read}
   */
  public static MnemeConfig parse(String yaml) {
    return defaults().merged(List.of(yaml));
  }

  /**
   * This configuration with some keys set, which are checked together.
   *
   * @param assignments such as {@code memory.topK=8}; later ones count
   * @throws IllegalArgumentException if a key is unknown or a value is refused
   */
  public MnemeConfig with(List<String> assignments) {
    return merged(assignments.stream().map(MnemeConfig::yaml).toList());
  }

  private static String yaml(String assignment) {
    int equals = assignment.indexOf('=');
    checkArgument(equals > 0, "a setting is written key=value: %s", assignment);
    List<String> path = Splitter.on('.').splitToList(assignment.substring(0, equals));
    StringBuilder yaml = new StringBuilder();
    for (int depth = 0; depth < path.size(); depth++) {
      yaml.append("  ".repeat(depth)).append(path.get(depth)).append(":\n");
    }
    yaml.setLength(yaml.length() - 1);
    return yaml.append(' ').append(assignment.substring(equals + 1)).toString();
  }

  private MnemeConfig merged(List<String> documents) {
    YAMLMapper mapper = mapper();
    try {
      ObjectNode tree = mapper.valueToTree(this);
      for (String document : documents) {
        JsonNode given = mapper.readTree(document);
        if (!given.isMissingNode() && !given.isNull()) {
          merge(tree, given, "");
        }
      }
      return mapper.treeToValue(tree, MnemeConfig.class);
    } catch (JacksonException e) {
      if (e.getCause() instanceof IllegalArgumentException refused) {
        throw refused;
      }
      throw new IllegalArgumentException(e.getOriginalMessage(), e);
    }
  }

  private static void merge(ObjectNode into, JsonNode given, String path) {
    checkArgument(given.isObject(), "%s must be a mapping of keys: %s", path, given);
    for (Map.Entry<String, JsonNode> entry : given.properties()) {
      String key = entry.getKey();
      JsonNode known = into.get(key);
      if (known == null) {
        List<String> keys = new ArrayList<>();
        into.fieldNames().forEachRemaining(keys::add);
        throw new IllegalArgumentException(
            "unknown key %s; known keys: %s".formatted(path + key, String.join(", ", keys)));
      }
      if (known instanceof ObjectNode section) {
        merge(section, entry.getValue(), path + key + ".");
      } else {
        checkArgument(
            entry.getValue().isValueNode() && !entry.getValue().isNull(),
            "%s must be a single value: %s",
            path + key,
            entry.getValue());
        into.set(key, entry.getValue());
      }
    }
  }

  /** The lines of {@link #toYaml} in which this configuration differs from another one. */
  public List<String> differences(MnemeConfig other) {
    Set<String> others = other.toYaml().lines().collect(Collectors.toSet());
    return toYaml().lines().filter(line -> !others.contains(line)).map(String::strip).toList();
  }

  /** The configuration as a YAML document that {@link #parse} reads. */
  public String toYaml() {
    try {
      return mapper().writeValueAsString(this);
    } catch (JacksonException e) {
      throw new IllegalStateException("cannot write the configuration: " + e.getMessage(), e);
    }
  }

  private static YAMLMapper mapper() {
    return YAMLMapper.builder()
        .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
        .build();
  }

  /** Most bytes that the far memory of one session may hold. */
  long maxMemoryBytes() {
    if (maxMemoryMiB > 0) {
      return maxMemoryMiB << 20;
    }
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return system.getTotalMemorySize() / 4 * 3;
  }

  /** A builder that starts with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts with these values. */
  public Builder toBuilder() {
    return builder()
        .device(device)
        .threads(threads)
        .spinning(spinning)
        .kernel(kernel)
        .selfCheck(selfCheck)
        .chunk(chunk)
        .maxMemoryMiB(maxMemoryMiB)
        .maxResidentBytes(maxResidentBytes)
        .workingFolder(workingFolder)
        .commitTokens(commitTokens)
        .blockPrecision(blockPrecision)
        .index(index)
        .memory(memory);
  }

  /** Sets values by name; see {@link MnemeConfig} for what they mean. Not thread-safe. */
  public static final class Builder {

    private String device = "cpu";
    private int threads;
    private boolean spinning = true;
    private KernelKind kernel = KernelKind.AUTO;
    private SelfCheck.When selfCheck = SelfCheck.When.ONCE;
    private int chunk = 512;
    private long maxMemoryMiB;
    private long maxResidentBytes;
    private String workingFolder = "";
    private int commitTokens = 16_384;
    private BlockPrecision blockPrecision = BlockPrecision.FLOAT32;
    private IndexKind index = IndexKind.EXACT;
    private MemoryConfig memory = MemoryConfig.defaults();

    private Builder() {}

    /** Sets the device. */
    public Builder device(String value) {
      device = value;
      return this;
    }

    /** Sets the threads of an operator. */
    public Builder threads(int value) {
      threads = value;
      return this;
    }

    /** Sets whether threads wait actively. */
    public Builder spinning(boolean value) {
      spinning = value;
      return this;
    }

    /** Sets what computes the attention. */
    public Builder kernel(KernelKind value) {
      kernel = value;
      return this;
    }

    /** Sets when a model is compared with what it was cut from. */
    public Builder selfCheck(SelfCheck.When value) {
      selfCheck = value;
      return this;
    }

    /** Sets the tokens that go through the model together. */
    public Builder chunk(int value) {
      chunk = value;
      return this;
    }

    /** Sets the most mebibytes of far memory. */
    public Builder maxMemoryMiB(long value) {
      maxMemoryMiB = value;
      return this;
    }

    /** Sets the most bytes of resident memory. */
    public Builder maxResidentBytes(long value) {
      maxResidentBytes = value;
      return this;
    }

    /** Sets where blocks beyond that are kept. */
    public Builder workingFolder(String value) {
      workingFolder = value;
      return this;
    }

    /** Sets the tokens between two commits. */
    public Builder commitTokens(int value) {
      commitTokens = value;
      return this;
    }

    /** Sets the precision of far blocks. */
    public Builder blockPrecision(BlockPrecision value) {
      blockPrecision = value;
      return this;
    }

    /** Sets how far blocks are found. */
    public Builder index(IndexKind value) {
      index = value;
      return this;
    }

    /** Sets the memory of each session. */
    public Builder memory(MemoryConfig value) {
      memory = value;
      return this;
    }

    /** Checks the values and makes the configuration. */
    public MnemeConfig build() {
      return new MnemeConfig(
          device,
          threads,
          spinning,
          kernel,
          selfCheck,
          chunk,
          maxMemoryMiB,
          maxResidentBytes,
          workingFolder,
          commitTokens,
          blockPrecision,
          index,
          memory);
    }
  }
}
