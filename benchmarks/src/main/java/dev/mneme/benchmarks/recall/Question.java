package dev.mneme.benchmarks.recall;

import dev.mneme.benchmarks.task.Prompt;
import dev.mneme.benchmarks.task.Sample;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.memory.index.BlockIndex.Hits;
import dev.mneme.memory.index.TextIndex;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SequencedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A sample as a model reads it. */
final class Question {

  /** Tokens of a passage: two blocks, so that few sentences are cut. */
  private static final int PASSAGE = 128;

  private final int[] tokens;
  private final int length;
  private final int contextLength;
  private final List<TokenSpan> needles;
  private final @Nullable Double found;

  private Question(
      int[] tokens,
      int length,
      int contextLength,
      List<TokenSpan> needles,
      @Nullable Double found) {
    this.tokens = tokens;
    this.length = length;
    this.contextLength = contextLength;
    this.needles = needles;
    this.found = found;
  }

  /** The whole prompt. */
  static Question whole(Sample sample, Tokenizer tokenizer) {
    Prompt prompt = sample.prompt();
    Tokenizer.Encoded text = tokenizer.encodeWithPlaces(prompt.text());
    return new Question(
        text.ids(),
        text.ids().length,
        text.tokensBefore(prompt.context().length()),
        TokenSpan.needles(prompt, text),
        null);
  }

  /**
   * A retrieval-augmented prompt: of the context, cut into passages, those that share most words
   * with the question (BM25), in their order, as many as fit. The first passage, which says what to
   * do, is always among them.
   *
   * @param budget most tokens of the prompt and its answer
   */
  static Question ofPassages(Sample sample, Tokenizer tokenizer, int budget) {
    Prompt prompt = sample.prompt();
    String asked = prompt.question() + prompt.answerPrefix();
    Tokenizer.Encoded encoded = tokenizer.encodeWithPlaces(prompt.context());
    int[] context = encoded.ids();
    int[] question = tokenizer.encode(asked);
    int room = Math.max(1, (budget - question.length - sample.maxNewTokens()) / PASSAGE);
    SequencedSet<Integer> chosen = new TreeSet<>(List.of(0));
    try (TextIndex index = TextIndex.inMemory()) {
      for (int from = 0; from < context.length; from += PASSAGE) {
        index.add(tokenizer.decode(passage(context, index.size())));
      }
      Hits hits = index.search(asked, room);
      for (int hit : hits.byRank()) {
        if (chosen.size() < room) {
          chosen.add(hits.blocks()[hit]);
        }
      }
    }
    List<int[]> parts = new ArrayList<>();
    chosen.forEach(passage -> parts.add(passage(context, passage)));
    parts.add(question);
    List<TokenSpan> needles = TokenSpan.needles(prompt, encoded);
    long in = needles.stream().filter(needle -> lies(needle, chosen)).count();
    return new Question(
        parts.stream().flatMapToInt(Arrays::stream).toArray(),
        context.length + question.length,
        context.length,
        needles,
        needles.isEmpty() ? null : (double) in / needles.size());
  }

  private static int[] passage(int[] context, int number) {
    int from = number * PASSAGE;
    return Arrays.copyOfRange(context, from, Math.min(from + PASSAGE, context.length));
  }

  private static boolean lies(TokenSpan needle, SequencedSet<Integer> passages) {
    return IntStream.rangeClosed(needle.from() / PASSAGE, (needle.to() - 1) / PASSAGE)
        .allMatch(passages::contains);
  }

  /** What is read; not to be changed. */
  int[] tokens() {
    return tokens;
  }

  /** Tokens of the sample's whole prompt. */
  int length() {
    return length;
  }

  /** Tokens of the sample's whole prompt in front of the question. */
  int contextLength() {
    return contextLength;
  }

  /** The needles in the sample's whole prompt. */
  List<TokenSpan> needles() {
    return needles;
  }

  /** Share of the needles that lie in the passages; null where the whole prompt is read. */
  @Nullable Double found() {
    return found;
  }
}
