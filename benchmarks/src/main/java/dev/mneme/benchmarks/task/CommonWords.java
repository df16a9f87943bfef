package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;

/**
 * RULER's common words ({@code cwe}; Hsieh et al. 2024, arXiv:2404.06654): a numbered list in which
 * ten words come often and all others seldom; the ten are asked for after one worked example. A
 * unit is one of the seldom words. The words are coined, as RULER's lists are not ours. What is to
 * be found lies everywhere, so there is no needle and the depth changes nothing.
 */
final class CommonWords implements TaskTemplate {

  private static final int COMMON = 10;

  private final int often;
  private final int seldom;
  private final Shot shot;

  /** The worked example: seldom words, and how often both kinds come. */
  private record Shot(int words, int often, int seldom) {}

  /** For prompts of 4,096 tokens and more. */
  CommonWords() {
    this(30, 3, new Shot(30, 10, 3));
  }

  private CommonWords(int often, int seldom, Shot shot) {
    this.often = often;
    this.seldom = seldom;
    this.shot = shot;
  }

  @Override
  public TaskTemplate forLength(int tokens) {
    return tokens < 4096 ? new CommonWords(6, 1, new Shot(10, 3, 1)) : this;
  }

  @Override
  public String taskName() {
    return "cwe";
  }

  @Override
  public int maxNewTokens() {
    return 120;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ALL;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    Prompt example = list("", shot.words, shot.often, shot.seldom, words, random);
    String text = example.text() + numbered(example.answers()) + "\n\n";
    return list(text, units, often, seldom, words, random);
  }

  private static Prompt list(
      String start, int units, int often, int seldom, Vocabulary words, RandomGenerator random) {
    List<String> common = new ArrayList<>();
    List<String> all = new ArrayList<>();
    for (int i = 0; i < COMMON; i++) {
      common.add(words.coined(3));
      all.addAll(Collections.nCopies(often, common.getLast()));
    }
    for (int i = 0; i < units; i++) {
      all.addAll(Collections.nCopies(seldom, words.coined(3)));
    }
    Collections.shuffle(all, Random.from(random));
    return new Haystack(
            start
                + "Below is a numbered list of words. In these words, some appear more often than"
                + " others. Memorize the ones that appear most often.\n")
        .add(numbered(all).strip())
        .ask(
            "\nQuestion: What are the 10 most common words in the above list?",
            " Answer: The top 10 words that appear most often in the list are:",
            common);
  }

  private static String numbered(List<String> words) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < words.size(); i++) {
      text.append(' ').append(i + 1).append(". ").append(words.get(i));
    }
    return text.toString();
  }
}
