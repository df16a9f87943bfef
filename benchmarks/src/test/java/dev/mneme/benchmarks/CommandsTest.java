package dev.mneme.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.collect.ObjectArrays;
import dev.mneme.benchmarks.task.RecallRow;
import dev.mneme.benchmarks.task.RunHeader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands on SmolLM2-135M, which is fetched into the cache folder once. */
class CommandsTest {

  private static final String[] SMALL = {
    "-s", "memory.nLocal=256", "-s", "memory.topK=4", "-s", "memory.farDistance=128"
  };

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  @Test
  void recallAsksInEveryModeOnce() throws IOException {
    Path json = folder.resolve("rows.jsonl");
    String[] line =
        arguments(
            "recall --lengths 1000 --depths 2 --mode memory,full,window,sinks,random,oracle,rag"
                + " --json "
                + json);
    assertThat(run(line)).as(err.toString()).isZero();
    List<RecallRow> rows = RecallRow.readAll(json);
    assertThat(rows)
        .extracting(RecallRow::mode)
        .containsExactlyInAnyOrder(
            "memory", "memory", "full", "full", "window", "window", "sinks", "sinks", "random",
            "random", "oracle", "oracle", "rag", "rag");
    assertThat(rows).filteredOn(row -> row.mode().equals("full")).allMatch(RecallRow::isHit);
    assertThat(rows)
        .filteredOn(row -> row.mode().equals("oracle") || row.mode().equals("rag"))
        .extracting(RecallRow::needleFoundShare)
        .containsOnly(1.0);
    List<RunHeader> headers = RunHeader.readAll(json);
    assertThat(headers).hasSize(7);
    assertThat(headers.getFirst().configuration()).contains("nLocal: 256");
    assertThat(headers.getFirst().model()).containsKeys("name", "graph", "tokenizer");
    assertThat(rows).extracting(RecallRow::run).contains(headers.getLast().run());
    assertThat(rows)
        .filteredOn(row -> row.mode().equals("window") && row.id().contains("-0.050-"))
        .singleElement()
        .matches(row -> !row.isHit())
        .satisfies(row -> assertThat(row.needleFoundShare()).isEqualTo(0.0));
    assertThat(run(line)).isZero();
    assertThat(RecallRow.readAll(json)).isEqualTo(rows);
    assertThat(out.toString()).containsPattern("passkey +1k +full +score 100.0 % +2 of +2");
    String[] otherwise = Arrays.copyOf(line, line.length);
    otherwise[List.of(line).indexOf("memory.topK=4")] = "memory.topK=3";
    assertThat(run(otherwise)).isEqualTo(1);
    assertThat(err.toString()).contains("another model, text or configuration (topK: 4)");
    assertThat(RecallRow.readAll(json)).isEqualTo(rows);
  }

  /** Of three depths, only the last lies in the window, and the first reaches beyond the sinks. */
  @ParameterizedTest
  @ValueSource(strings = {"multikey", "kv", "kv-infinitebench"})
  void recallAsksOtherTasksAndKnowsWhereTheirNeedlesAre(String task) throws IOException {
    Path json = folder.resolve("rows.jsonl");
    String line =
        "recall --lengths 500 --depths 3 --mode sinks -s memory.topK=0 -s memory.nLocal=150 --json %s --task %s"
            .formatted(json, task);
    assertThat(run(line.split(" ", -1))).as(err.toString()).isZero();
    List<RecallRow> rows = RecallRow.readAll(json);
    assertThat(rows).hasSize(3).allMatch(row -> row.task().equals(task));
    assertThat(rows).extracting(RecallRow::needleFoundShare).containsExactly(0.0, 0.0, 1.0);
  }

  @Test
  void recallAsksAPlanAndReportsIt() throws IOException {
    Path plan = folder.resolve("plan.yaml");
    Files.writeString(
        plan,
        """
        tasks: [lines, labels]
        units: 30
        depths: [0.1, 0.6]
        shared: true
        modes: memory
        settings:
          memory.topK: [2, 4]
        """);
    Path json = folder.resolve("rows.jsonl");
    assertThat(run("recall", "--plan", plan.toString(), "--json", json.toString()))
        .as(err.toString())
        .isZero();
    List<RecallRow> rows = RecallRow.readAll(json);
    assertThat(rows).hasSize(8);
    assertThat(rows).extracting(RecallRow::settings).containsOnly("memory.topK=2", "memory.topK=4");
    assertThat(rows)
        .filteredOn(row -> row.task().equals("lines"))
        .extracting(RecallRow::lengthTokens)
        .allMatch(length -> Math.abs(length - rows.getFirst().lengthTokens()) < 20);

    Path html = folder.resolve("report.html");
    Path pictures = folder.resolve("pictures");
    int code =
        run(
            "report",
            json.toString(),
            "--html",
            html.toString(),
            "--pictures",
            pictures.toString());
    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString()).containsPattern("lines +0.5k +memory .* memory.topK=4");
    assertThat(html).content().contains("data:image/svg+xml", "memory.topK=2", "run ");
    assertThat(pictures.resolve("lines-memory-memory.topK=2.png")).isNotEmptyFile();
    assertThat(pictures.resolve("lines-memory-memory.topK=2.svg")).isNotEmptyFile();
  }

  @Test
  void reportRefusesToSumUpWhatWasAskedOtherwise() throws IOException {
    Path two = folder.resolve("two.jsonl");
    Path four = folder.resolve("four.jsonl");
    Path more = folder.resolve("more.jsonl");
    String line =
        "recall --task lines --units 30 --depths 0.5 --seed %d -s memory.maxGap=%d --json %s";
    assertThat(run(arguments(line.formatted(1, 2, two)))).as(err.toString()).isZero();
    assertThat(run(arguments(line.formatted(2, 2, more)))).as(err.toString()).isZero();
    assertThat(run(arguments(line.formatted(2, 4, four)))).as(err.toString()).isZero();
    assertThat(run("report", two.toString(), more.toString())).as(err.toString()).isZero();
    assertThat(out.toString()).containsPattern("lines +0.5k +memory .* of +2 ");
    assertThat(run("report", two.toString(), four.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("four.jsonl: lines-30units-0.500-2", "maxGap: 4", "apart");
  }

  @Test
  void recallKeepsWhatItReadInAFolder() throws IOException {
    Path json = folder.resolve("rows.jsonl");
    String line =
        "recall --task secrets --units 45 --shared --memory %s --json %s --depths "
            .formatted(Files.createDirectory(folder.resolve("memory")), json);
    assertThat(run(arguments(line + "0.2"))).as(err.toString()).isZero();
    assertThat(run(arguments(line + "0.2,0.8"))).as(err.toString()).isZero();
    List<RecallRow> rows = RecallRow.readAll(json);
    assertThat(rows).hasSize(2);
    assertThat(run(arguments(line.replace("--units 45", "--units 46") + "0.2"))).isEqualTo(1);
    assertThat(err.toString()).contains("the text differs at token");
  }

  @Test
  void compatibilityTellsWhatIsWrappedAndWhatIsNot() throws IOException {
    Path table = folder.resolve("table.md");
    Path other = Files.writeString(folder.resolve("other.onnx"), "");
    assertThat(run("compatibility", "smollm2", "--markdown", table.toString()))
        .as(err.toString())
        .isZero();
    assertThat(Files.readString(table))
        .contains("| smollm2 | GroupQueryAttention | fp32 | 30 | equal, ");
    assertThat(run("compatibility", other.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("not an ONNX file");
  }

  @Test
  void perplexityFallsForWhatIsRememberedAndReadAgain() throws IOException {
    Path json = folder.resolve("perplexity.json");
    String[] line =
        arguments(
            "perplexity --mode memory,full,sinks --document 128 --distance 1000 --json " + json);
    assertThat(run(line)).as(err.toString()).isZero();
    double[] second = new double[3];
    JsonNode figures = new ObjectMapper().readTree(json.toFile()).path("figures");
    for (int mode = 0; mode < 3; mode++) {
      second[mode] = figures.path(2 * mode + 1).path("perplexity").asDouble();
      assertThat(figures.path(2 * mode).path("perplexity").asDouble()).isGreaterThan(5);
    }
    assertThat(second[1]).isLessThan(3);
    assertThat(second[0]).isLessThan(1.2 * second[1]).isLessThan(0.95 * second[2]);
  }

  @Test
  void perplexityOfSamplesIsTheSameAfterAllAndAfterLittle() throws IOException {
    Path json = folder.resolve("perplexity.json");
    String line = "perplexity --length 6k --sample 128 --context 128 -s chunk=128 --json " + json;
    assertThat(run(line.split(" "))).as(err.toString()).isZero();
    JsonNode figures = new ObjectMapper().readTree(json.toFile()).path("figures");
    assertThat(figures).hasSize(32);
    double ratio = 0;
    for (int i = 0; i < 32; i += 2) {
      assertThat(figures.path(i).path("context").isNull()).isTrue();
      assertThat(figures.path(i + 1).path("context").asInt()).isEqualTo(128);
      ratio += Math.log(figures.path(i).path("perplexity").asDouble());
      ratio -= Math.log(figures.path(i + 1).path("perplexity").asDouble());
    }
    assertThat(Math.exp(ratio / 16)).as("more context foretells better").isBetween(0.3, 1.05);
  }

  @Test
  void recallReadsSamplesOfOnesOwn() throws IOException {
    Path data = folder.resolve("own.jsonl");
    Files.writeString(
        data,
        """
        {"id":"a","context":"one two three, one two three, one two three,","question":" one",\
        "answer_prefix":"","answers":["two"],"max_new_tokens":3}
        """);
    assertThat(run("recall", "--data", data.toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("hit  memory").contains("own");
  }

  @Test
  void runContinuesATextAndReports() throws IOException {
    Path json = folder.resolve("answer.json");
    Path prompt = Files.writeString(folder.resolve("prompt.txt"), "The capital of");
    int code =
        run(
            "run",
            "--prompt-file",
            prompt.toString(),
            "--question",
            " France is",
            "--max-tokens",
            "3",
            "--json",
            json.toString());
    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString()).contains("Paris");
    JsonNode result = new ObjectMapper().readTree(json.toFile());
    assertThat(result.get("answer").asText()).contains("Paris");
    assertThat(result.get("tokens")).hasSize(3);
    assertThat(result.get("finish").asText()).isEqualTo("MAX_TOKENS");
  }

  /** With the model's template, the answer is a sentence that ends by itself. */
  @Test
  void runAnswersInAChat() throws IOException {
    Path json = folder.resolve("result.json");
    String[] chat = {"run", "--chat", "--json", json.toString(), "--max-tokens", "30"};
    assertThat(run(ObjectArrays.concat(chat, "--prompt=What is the capital of France?")))
        .as(err.toString())
        .isZero();
    JsonNode result = new ObjectMapper().readTree(json.toFile());
    assertThat(result.get("answer").asText()).contains("Paris").endsWith(".");
    assertThat(result.get("finish").asText()).isEqualTo("END_TOKEN");
    chat = ObjectArrays.concat(chat, "--memory=" + folder.resolve("memory"));
    String[] text = ObjectArrays.concat(chat, "--prompt=The cat is called Mina.");
    assertThat(run(text)).isEqualTo(2);
    assertThat(err.toString()).contains("--chat with a --memory asks a --question: none is given");
    assertThat(run(ObjectArrays.concat(text, "--question=What is the cat called?")))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).contains("Mina");
  }

  @Test
  void runGoesOnFromAMemoryInAFolder() throws IOException {
    Path memory = folder.resolve("memory");
    String text =
        "The cat is called Mina. " + "The sky is blue. ".repeat(30) + "The dog is called Rex.";
    assertThat(keep(memory, text, " x")).isZero();
    assertThat(err.toString()).doesNotContain("restored");
    assertThat(run("run", "--memory", memory.toString(), "--question", " The dog is called"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).contains("Rex");
    assertThat(err.toString()).contains("restored 163 tokens");
    assertThat(keep(memory, text + " Both are old.", " x")).isZero();
    assertThat(keep(memory, "The cat was called Mina.", " x")).isOne();
    assertThat(err.toString()).contains("the text differs at token 2, but");
    assertThat(err.toString()).contains("restored 167 tokens");
    assertThat(run("run", "--memory", folder.resolve("typo").toString(), "--question", " x"))
        .isOne();
    assertThat(err.toString()).contains("there is no memory in it");
    assertThat(folder.resolve("typo")).doesNotExist();
  }

  @Test
  void memoriesSurviveKillsAndDamage() throws IOException {
    Path json = folder.resolve("report.json");
    String line = "durability --kills 5 --session-kills 2 --flips 2 --tokens 1500 --json " + json;
    assertThat(run(arguments(line))).as(err.toString()).isZero();
    JsonNode report = new ObjectMapper().readTree(json.toFile());
    assertThat(report.at("/stores/kills").asInt()).isEqualTo(5);
    assertThat(report.at("/stores/records").asLong()).isPositive();
    assertThat(report.at("/sessions/kills").asInt()).isEqualTo(2);
    assertThat(report.at("/sessions/commits").asInt()).isPositive();
    assertThat(report.at("/flips/refused").asInt()).isGreaterThan(100);
  }

  @Test
  void anotherProcessRestoresWhatWasSaved() throws IOException {
    Path json = folder.resolve("restore.json");
    assertThat(run(arguments("restore --length 1k --forks 5 --json " + json)))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).contains("5 forks add").contains("the same to the bit");
    assertThat(new ObjectMapper().readTree(json.toFile()).get("sameLogits").asBoolean()).isTrue();
  }

  /** A limit on the size of files stands for the full disk. */
  @Test
  void aFullDiskEndsARunAndKeepsWhatWasCommitted() throws IOException, InterruptedException {
    Path memory = folder.resolve("memory");
    Path prompt = Files.writeString(folder.resolve("prompt.txt"), "The sky is blue. ".repeat(300));
    Path log = folder.resolve("log");
    List<String> line =
        new ArrayList<>(
            List.of(
                "sh",
                "-c",
                "ulimit -f 60000 && exec \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-classpath",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    line.addAll(
        List.of(
            arguments(
                "run -s chunk=128 -s commitTokens=256 --memory %s --prompt-file %s"
                    .formatted(memory, prompt))));
    Process process =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor()).isOne();
    assertThat(Files.readString(log))
        .containsPattern("mneme: cannot (write|save) to " + memory + ": \\w")
        .doesNotContain("Exception");
    assertThat(run("run", "--memory", memory.toString(), "--max-tokens", "2"))
        .as(err.toString())
        .isZero();
    assertThat(err.toString()).contains("restored ");
  }

  private int keep(Path memory, String text, String question) {
    return run(
        "run",
        "--memory",
        memory.toString(),
        "--prompt",
        text,
        "--question",
        question,
        "--max-tokens",
        "4",
        "-s",
        "chunk=128");
  }

  @Test
  void runExplainsItsAnswer() throws IOException {
    Path json = folder.resolve("answer.json");
    Path trace = folder.resolve("trace.json");
    Path picture = folder.resolve("trace.png");
    String filler = "The grass is green. The sky is blue. The sun is yellow. ";
    Path prompt =
        Files.writeString(
            folder.resolve("prompt.txt"),
            filler.repeat(15)
                + "\nThe pass key is 73921. Remember it. 73921 is the pass key.\n"
                + filler.repeat(30));
    List<String> line = new ArrayList<>(List.of(arguments("run --max-tokens 6 --explain")));
    line.addAll(List.of("--prompt-file", prompt.toString(), "--json", json.toString()));
    line.addAll(List.of("--question", "\nWhat is the pass key? The pass key is"));
    line.addAll(List.of("--explain-json", trace.toString(), "--explain-png", picture.toString()));
    assertThat(run(line.toArray(String[]::new))).as(err.toString()).isZero();

    assertThat(out.toString().lines())
        .filteredOn(text -> text.startsWith(" 1. tokens "))
        .singleElement()
        .asString()
        .contains("73921");
    JsonNode passages = new ObjectMapper().readTree(json.toFile()).get("passages");
    assertThat(passages.get(0).get("text").asText()).contains("73921");
    JsonNode whole = new ObjectMapper().readTree(trace.toFile());
    assertThat(whole.get("steps")).hasSize(6);
    assertThat(whole.get("blocks")).hasSameSizeAs(passages);
    for (JsonNode step : whole.get("steps")) {
      assertThat(step.get("layers")).hasSize(30).allMatch(layer -> layer.size() == 4);
    }
    assertThat(ImageIO.read(picture.toFile())).isNotNull();
  }

  @Test
  void runExplainsThatNothingWasFar() {
    assertThat(run("run", "--prompt", "One, two,", "--max-tokens", "2", "--explain")).isZero();
    assertThat(out.toString()).contains("The answer attended no far memory");
  }

  @Test
  void demoAnswersWithItsMemoryOnly() throws IOException {
    Path json = folder.resolve("demo.json");
    int code = run("demo", "--length", "3k", "--json", json.toString());
    assertThat(code).as(out + "\n" + err).isZero();
    JsonNode result = new ObjectMapper().readTree(json.toFile());
    assertThat(result.at("/memory/right").asBoolean()).isTrue();
    assertThat(result.at("/sinksAndWindow/right").asBoolean()).isFalse();
    assertThat(result.at("/memory/source/text").asText()).contains(result.get("key").asText());
  }

  @Test
  void speedComparesInOneRun() throws IOException {
    Path json = folder.resolve("speed.json");
    String line =
        "speed --lengths 300 --uncut-lengths 300 --steps 3 --other blockPrecision=float16 --json "
            + json;
    assertThat(run(arguments(line))).as(err.toString()).isZero();
    assertThat(out.toString()).contains("prefill at 300:").contains("x uncut decode at 300");
    JsonNode result = new ObjectMapper().readTree(json.toFile());
    assertThat(result.get("measurements"))
        .extracting(measured -> measured.get("subject").asText())
        .containsExactly("uncut", "mneme", "other");
    // A token of 106 million weights and a working set; no machine is slower or faster than that.
    assertThat(result.at("/roofs/prefillTokensPerSecond").asDouble()).isBetween(10.0, 1e6);
    assertThat(result.at("/roofs/decodeMs").asDouble()).isBetween(0.1, 1000.0);
  }

  @Test
  void indexesAreAskedWhatTheModelAsks() throws IOException {
    Path json = folder.resolve("indexes.json");
    String line = "indexes --lengths 1500 --topk 4 --queries 4 --json " + json;
    assertThat(run(arguments(line))).as(err.toString()).isZero();
    JsonNode trials = new ObjectMapper().readTree(json.toFile()).at("/readings/0/trials");
    assertThat(trials).hasSize(3);
    for (JsonNode trial : trials) {
      // Fewer blocks than a graph is worth: all indexes consider each of them.
      assertThat(trial.get("blocks").asInt()).isEqualTo((1500 - 64 - 256) / 64);
      assertThat(trial.get("indexes").asInt()).isEqualTo(30);
      assertThat(trial.get("prefillRecall").asDouble()).isEqualTo(1);
      assertThat(trial.get("decodeRecall").asDouble()).isEqualTo(1);
      assertThat(trial.get("queryMicros").asDouble()).isPositive();
    }
  }

  @ParameterizedTest
  @CsvSource({"float32, 0, 0", "float16, 1e-6, 0.1", "int8, 1e-4, 1"})
  void driftGrowsAsBlocksGetCoarser(String precision, double least, double most)
      throws IOException {
    Path json = folder.resolve("drift.json");
    String line =
        "drift --length 900 --steps 5 -s blockPrecision=%s --json %s".formatted(precision, json);
    assertThat(run(arguments(line))).as(err.toString()).isZero();
    JsonNode drift = new ObjectMapper().readTree(json.toFile()).get("drift");
    assertThat(drift.get("positions").asInt()).isEqualTo(5);
    assertThat(drift.get("largest").asDouble()).isBetween(least, most);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run --prompt x --model nowhere | a model is a folder, a .onnx file",
        "run --prompt x -s memory.topk=3 | unknown key memory.topk",
        "run --prompt x --max-tokens 0 | maxTokens must be positive: 0",
        "run --prompt-file missing.txt | no such file: missing.txt",
        "run --prompt x --config missing.yaml | no such file: missing.yaml",
        "run --prompt x --device cuda:999 | device cuda:999 cannot be used: ",
        "recall --lengths 4x | a length must be a number of tokens",
        "recall --data missing.jsonl | no such file: missing.jsonl",
        "inspect --model missing/model | no such file or folder: missing/model"
      })
  void failsWithOneClearLine(String line, String message) {
    assertThat(run(line.split(" ", -1))).isEqualTo(1);
    assertThat(err.toString().lines())
        .filteredOn(text -> text.startsWith("mneme:"))
        .singleElement()
        .asString()
        .startsWith("mneme: " + message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run | give the text by --prompt or by --prompt-file",
        "recall --axis memory.topK | --axis is written key=value,value: memory.topK",
        "perplexity --mode rag | --mode must be memory, full, window or sinks: rag",
        "perplexity --length 8k --context 4k | 16 samples of 4096 tokens",
        "recall --task unknown | unknown task unknown; known tasks: passkey, passkey-infinitebench",
        "drift --length 100 --steps 100 | --steps must be from 1 to",
        "indexes --lengths 64 | a length must be more than --queries",
        "indexes --topk 0 | --topk and --queries must be positive: 0 and 64",
        "recall --mode some | Invalid value for option '--mode'"
      })
  void saysWhatIsWrongWithTheCommandLine(String line, String message) {
    assertThat(run(line.split(" ", -1))).isEqualTo(2);
    assertThat(err.toString()).startsWith("mneme: " + message);
  }

  private static String[] arguments(String line) {
    String[] words = line.split(" ", -1);
    String[] all = new String[words.length + SMALL.length];
    System.arraycopy(words, 0, all, 0, words.length);
    System.arraycopy(SMALL, 0, all, words.length, SMALL.length);
    return all;
  }

  private int run(String... args) {
    return Main.commandLine()
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(args);
  }
}
