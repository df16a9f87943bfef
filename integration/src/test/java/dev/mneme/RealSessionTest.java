package dev.mneme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.mneme.attention.MemoryConfig;
import dev.mneme.integration.cli.ResidentMemory;
import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.generation.LogLikelihood;
import dev.mneme.integration.importer.ImportOptions;
import dev.mneme.integration.importer.Precision;
import dev.mneme.integration.importer.RealModel;
import dev.mneme.integration.importer.UncutModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sessions of SmolLM2-135M, which is fetched into the cache folder once. */
class RealSessionTest {

  private static MnemeModel model = unopened();

  /** Stands in until {@link #open} ran. */
  @SuppressWarnings("NullAway")
  private static MnemeModel unopened() {
    return null;
  }

  @BeforeAll
  static void open() throws IOException {
    model = MnemeModel.builder(RealModel.folder(Precision.FP32)).open();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @ParameterizedTest
  @CsvSource({
    "FP32, 4, 10", "FP32, 4, 100", "FP32, 4, 1000",
    "INT8, 0, 10", "INT8, 0, 100", "INT8, 0, 1000",
    "INT4, 0, 10", "INT4, 0, 100", "INT4, 0, 1000"
  })
  void withinTheWindowItEqualsTheUncutModel(Precision precision, int accuracyLevel, int length)
      throws IOException, OrtException {
    ImportOptions options = new ImportOptions(precision, accuracyLevel);
    int[] prompt = tokens(length, 1);
    try (UncutModel uncut = new UncutModel(RealModel.folder(options));
        MnemeModel cut = MnemeModel.builder(RealModel.folder(options)).open();
        MnemeSession session = cut.newSession()) {
      float[] expected = uncut.logits(prompt)[length - 1];
      float[] actual = session.logits(prompt);
      assertThat(actual).containsExactly(expected, within(1e-3f));
    }
  }

  /** Rounding of activations alone moves these logits by more than 1; the choice stays. */
  @ParameterizedTest
  @CsvSource({"INT8, 10", "INT8, 100", "INT8, 1000", "INT4, 10", "INT4, 100", "INT4, 1000"})
  void quantisedModelsChooseAsTheirUncutSelves(Precision precision, int length)
      throws IOException, OrtException {
    int[] prompt = tokens(length, 2);
    try (UncutModel uncut = new UncutModel(RealModel.folder(precision));
        MnemeModel cut = MnemeModel.builder(RealModel.folder(precision)).open();
        MnemeSession session = cut.newSession()) {
      float[] expected = uncut.logits(prompt)[length - 1];
      assertThat(best(session.logits(prompt))).isEqualTo(best(expected));
    }
  }

  @Test
  void howATextIsCutChangesNothing() {
    MemoryConfig memory =
        MemoryConfig.builder().nLocal(128).queryBlock(32).topK(2).sharpTail(5).build();
    int[] prompt = tokens(700, 3);
    try (MnemeSession whole = model.newSession(memory);
        MnemeSession pieces = model.newSession(memory)) {
      float[] expected = whole.logits(prompt);
      Random random = new Random(3);
      for (int from = 0; from < prompt.length; ) {
        int to = Math.min(prompt.length, from + 1 + random.nextInt(120));
        pieces.append(Arrays.copyOfRange(prompt, from, to));
        from = to;
      }
      assertThat(pieces.logits()).containsExactly(expected);
      assertThat(pieces.tokens()).isEqualTo(prompt.length);
      assertThat(pieces.passages()).isEqualTo(whole.passages()).isNotEmpty();
    }
  }

  /** The last tokens of a random text were there before, few of them and many. */
  @Test
  void attendsFromNearWhatIsThenLikelierRepeated() {
    MemoryConfig.Builder memory =
        MemoryConfig.builder()
            .nInit(16)
            .nLocal(128)
            .queryBlock(32)
            .blockSize(16)
            .topK(32)
            .farDistance(32);
    MemoryConfig far = memory.prefixMatch(0).build();
    MemoryConfig near = memory.prefixMatch(4).build();
    Set<Boolean> kinds = new HashSet<>();
    for (int same : new int[] {4, 8, 16, 32}) {
      int[] prompt = tokens(400, same);
      System.arraycopy(prompt, 100, prompt, prompt.length - same, same);
      try (MnemeSession once = model.newSession(far);
          MnemeSession again = model.newSession(near)) {
        float[] expected = once.logits(prompt);
        float[] actual = again.logits(prompt);
        boolean stays = isClose(actual, expected);
        if (stays) {
          int[] next = tokens(50, same);
          assertThat(again.logits(next)).matches(logits -> isClose(logits, once.logits(next)));
        } else {
          assertThat(likelihood(actual, prompt[100 + same]))
              .isGreaterThan(likelihood(expected, prompt[100 + same]));
        }
        kinds.add(stays);
      }
    }
    assertThat(kinds).containsExactlyInAnyOrder(true, false);
  }

  /** In one piece, in pieces, and by the logits one after the other. */
  @Test
  void likelihoodsAreThoseOfTheLogits() {
    int[] text = tokens(620, 5);
    float[] whole = new float[text.length];
    try (MnemeSession session = model.newSession();
        MnemeSession single = model.newSession()) {
      float[] first = session.logLikelihoods(Arrays.copyOf(text, 17));
      float[] rest = session.logLikelihoods(Arrays.copyOfRange(text, 17, text.length));
      System.arraycopy(first, 0, whole, 0, 17);
      System.arraycopy(rest, 0, whole, 17, rest.length);
      assertThat(whole[0]).isNaN();
      single.append(Arrays.copyOf(text, 600));
      for (int i = 600; i < text.length; i++) {
        double sum = 0;
        float[] logits = single.logits();
        for (float logit : logits) {
          sum += Math.exp(logit);
        }
        assertThat(whole[i]).isCloseTo((float) (logits[text[i]] - Math.log(sum)), within(1e-3f));
        single.append(text[i]);
      }
      assertThat(session.logits()).containsExactly(single.logits(), within(1e-3f));
    }
  }

  @Test
  void answersAboutWhatLeftItsWindow() {
    String filler = "The grass is green. The sky is blue. The sun is yellow. ".repeat(120);
    String prompt =
        "There is a pass key hidden in this text.\n"
            + filler
            + "\nThe pass key is 73921. Remember it. 73921 is the pass key.\n"
            + filler
            + "\nWhat is the pass key? The pass key is";
    int needle = model.tokenizer().encode(prompt.substring(0, prompt.indexOf("\nThe pass"))).length;
    try (MnemeSession session = model.newSession()) {
      session.append(prompt);
      int prompted = session.tokens();
      assertThat(prompted).isGreaterThan(3 * model.config().memory().nLocal());
      GenerationOptions options = GenerationOptions.builder().maxTokens(8).trace(true).build();
      Generation generation = session.generate(options);
      assertThat(generation.hasNext()).isTrue();
      List<Passage> first = generation.trace().passages();
      assertThat(first).isEqualTo(session.passages());
      assertThat(generation.rest()).contains("73921");
      assertThat(session.visibleShare(needle, needle + 10)).isGreaterThan(0.5);
      Trace trace = generation.trace();
      assertThat(trace.steps()).extracting(Trace.Step::token).isEqualTo(generation.tokens());
      assertThat(trace.steps())
          .allMatch(step -> session.text(step.position(), step.position() + 1).equals(step.text()));
      assertThat(trace.steps().getFirst().position()).isEqualTo(prompted);
      assertThat(trace.blocks())
          .allMatch(block -> session.text(block.from(), block.to()).equals(block.text()));
      assertThat(trace.passages().getFirst().text()).contains("73921");
      assertThat(trace.passages().getFirst().attention()).isGreaterThan(0.1);
    }
    try (MnemeSession forgetful = model.newSession(MemoryConfig.sinksAndWindow(64, 1024))) {
      forgetful.append(prompt);
      assertThat(forgetful.generate(GenerationOptions.builder().maxTokens(8).build()).rest())
          .doesNotContain("73921");
      assertThat(forgetful.visibleShare(needle, needle + 10)).isZero();
    }
  }

  @Test
  void generatesWhatOnesOwnLoopGenerates() {
    String prompt = "The capital of France is";
    try (MnemeSession session = model.newSession();
        MnemeSession own = model.newSession()) {
      session.append(prompt);
      Generation generation =
          session.generate(GenerationOptions.builder().maxTokens(12).stopTokens(Set.of()).build());
      StringBuilder text = new StringBuilder();
      generation.forEachRemaining(text::append);
      assertThat(generation.finish()).isEqualTo(Generation.Finish.MAX_TOKENS);
      assertThatIllegalStateException()
          .isThrownBy(generation::trace)
          .withMessage("no trace was kept: GenerationOptions.trace is false");

      List<Integer> tokens = new ArrayList<>();
      int token = best(own.logits(model.tokenizer().encode(prompt)));
      while (tokens.size() < 12) {
        tokens.add(token);
        token = best(own.logits(token));
      }
      assertThat(generation.tokens()).isEqualTo(tokens);
      assertThat(text.toString())
          .isEqualTo(
              model.tokenizer().decode(tokens.stream().mapToInt(Integer::intValue).toArray()))
          .contains("Paris");
    }
  }

  @Test
  void stopsAtStopStringsAndWhenCancelled() {
    try (MnemeSession session = model.newSession()) {
      session.append("One, two, three, four,");
      Generation stopped =
          session.generate(GenerationOptions.builder().maxTokens(40).stopStrings("seven").build());
      String text = stopped.rest();
      assertThat(text).contains("six").doesNotContain("seven").doesNotContain("s,even");
      assertThat(stopped.finish()).isEqualTo(Generation.Finish.STOP_STRING);

      Generation cancelled = session.generate(GenerationOptions.builder().maxTokens(40).build());
      assertThat(cancelled.hasNext()).isTrue();
      cancelled.cancel();
      cancelled.rest();
      assertThat(cancelled.finish()).isEqualTo(Generation.Finish.CANCELLED);
      assertThat(cancelled.tokens()).hasSizeLessThan(40);
    }
  }

  @Test
  void sessionsInSeveralThreadsDoNotDisturbEachOther()
      throws InterruptedException, ExecutionException {
    MemoryConfig memory = MemoryConfig.builder().nLocal(128).queryBlock(64).topK(2).build();
    List<float[]> alone = new ArrayList<>();
    for (int seed = 0; seed < 4; seed++) {
      alone.add(read(memory, seed));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<float[]>> together = new ArrayList<>();
      for (int seed = 0; seed < 4; seed++) {
        int number = seed;
        together.add(threads.submit(() -> read(memory, number)));
      }
      for (int seed = 0; seed < 4; seed++) {
        assertThat(together.get(seed).get()).containsExactly(alone.get(seed), within(1e-4f));
      }
    }
  }

  private static float[] read(MemoryConfig memory, int seed) {
    try (MnemeSession session = model.newSession(memory)) {
      return session.logits(tokens(400, seed));
    }
  }

  /** The build gives this JVM a heap that is resident from the start, so what grows is native. */
  @Test
  void decodingAndSessionsLeaveResidentMemoryFlat() {
    ResidentMemory memory = ResidentMemory.ofThisProcess();
    MemoryConfig small = MemoryConfig.builder().nLocal(256).queryBlock(64).topK(4).build();
    try (MnemeSession session = model.newSession(small)) {
      session.append(tokens(1000, 5));
      step(session, 100);
      long before = memory.current();
      step(session, 1000);
      long blocks = 1000 * model.graph().bytesPerToken();
      assertThat(memory.current() - before).isLessThan(blocks + (24 << 20));
    }
    open(small, 20);
    long before = memory.current();
    open(small, 100);
    assertThat(memory.current() - before).isLessThan(24 << 20);
  }

  private static void step(MnemeSession session, int steps) {
    for (int i = 0; i < steps; i++) {
      session.logits(1000 + i);
    }
  }

  private static void open(MemoryConfig memory, int sessions) {
    for (int i = 0; i < sessions; i++) {
      try (MnemeSession session = model.newSession(memory)) {
        session.logits(tokens(70, i));
      }
    }
  }

  @Test
  void refusesWhatCannotBeReadAndStaysAsItWas() {
    try (MnemeSession session = model.newSession()) {
      assertThatIllegalStateException()
          .isThrownBy(session::logits)
          .withMessage("nothing to continue: the prompt is empty");
      assertThatIllegalStateException()
          .isThrownBy(() -> session.generate(GenerationOptions.defaults()));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.append(""))
          .withMessage("nothing to append: no tokens");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.append(5, 49152))
          .withMessage("token id must be 0 to 49151: 49152");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.append(-1))
          .withMessage("token id must be 0 to 49151: -1");
      assertThat(session.tokens()).isZero();
      assertThat(session.logits(5)).hasSize(49152);
    }
  }

  @Test
  void refusesMoreTokensThanMemoryAllows() throws IOException {
    MnemeConfig config = MnemeConfig.builder().maxMemoryMiB(1).build();
    try (MnemeModel limited =
            MnemeModel.builder(RealModel.folder(Precision.FP32)).config(config).open();
        MnemeSession session = limited.newSession()) {
      session.append(1, 2, 3);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.append(tokens(100, 1)))
          .withMessage("100 tokens after 3 need 4 MiB of memory, more than maxMemoryMiB 1");
      assertThat(session.tokens()).isEqualTo(3);
    }
  }

  @Test
  void whatIsClosedSaysSo() throws IOException {
    MnemeModel closed = MnemeModel.builder(RealModel.folder(Precision.FP32)).open();
    MnemeSession session = closed.newSession();
    session.append(1, 2, 3);
    Generation generation = session.generate(GenerationOptions.defaults());
    closed.close();
    closed.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> session.append(4))
        .withMessage("the session is closed");
    assertThatIllegalStateException()
        .isThrownBy(generation::hasNext)
        .withMessage("the session is closed");
    assertThatIllegalStateException()
        .isThrownBy(closed::newSession)
        .withMessage("the model is closed");
  }

  @Test
  void aDeviceThatIsNotThereIsNotReplaced() {
    MnemeConfig config = MnemeConfig.builder().device("cuda:999").build();
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> MnemeModel.builder(RealModel.folder(Precision.FP32)).config(config).open())
        .withMessageStartingWith("device cuda:999 cannot be used: ");
  }

  private static int[] tokens(int count, long seed) {
    return new Random(seed).ints(count, 1000, 20_000).toArray();
  }

  /** But for the order of sums, which differs with the number of rows. */
  private static boolean isClose(float[] actual, float[] expected) {
    for (int i = 0; i < expected.length; i++) {
      if (Math.abs(actual[i] - expected[i]) > 1e-3f) {
        return false;
      }
    }
    return true;
  }

  private static float likelihood(float[] logits, int token) {
    return LogLikelihood.of(MemorySegment.ofArray(logits), token);
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int token = 1; token < logits.length; token++) {
      best = logits[token] > logits[best] ? token : best;
    }
    return best;
  }
}
