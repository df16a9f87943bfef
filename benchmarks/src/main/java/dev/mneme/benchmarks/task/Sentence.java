package dev.mneme.benchmarks.task;

import dev.mneme.benchmarks.task.Haystack.Hidden;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Kamradt's needle in a haystack: a sentence, or three, between those of a long text. A unit is a
 * word of it.
 *
 * <p>The wording around the text is that of KVCache-Factory. An answer is right when it has the
 * part of the needle that the question asks for, as the published judges (a language model, or
 * overlap of words) tell the wording of an answer more than whether it was found. Several needles
 * lie from the depth on at equal distances to the end.
 *
 * @param taskName of the task
 * @param needles sentences
 * @param question asked about them
 * @param answerPrefix start of the answer
 * @param answers parts of the needles that the answer must have
 * @param prose what they are hidden in
 */
record Sentence(
    String taskName,
    List<String> needles,
    String question,
    String answerPrefix,
    List<String> answers,
    Prose prose)
    implements TaskTemplate {

  static Sentence single(Prose prose) {
    return new Sentence(
        "needle",
        List.of(
            "The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a"
                + " sunny day."),
        "What is the best thing to do in San Francisco?",
        " The best thing to do in San Francisco is",
        List.of("eat a sandwich and sit in Dolores Park"),
        prose);
  }

  static Sentence several(Prose prose) {
    String is = " one of the secret ingredients needed to build the perfect pizza.";
    return new Sentence(
        "needles",
        List.of("Figs are" + is, "Prosciutto is" + is, "Goat cheese is" + is),
        "What are the secret ingredients needed to build the perfect pizza?",
        " The secret ingredients needed to build the perfect pizza are",
        List.of("figs", "prosciutto", "goat cheese"),
        prose);
  }

  @Override
  public int leastUnits() {
    return 100;
  }

  @Override
  public int maxNewTokens() {
    return 50;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ALL;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    List<String> sentences = prose.sentences(units);
    Haystack.checkRoom(sentences.size(), needles.size());
    Map<Integer, Hidden> hidden = new TreeMap<>();
    for (int i = 0; i < needles.size(); i++) {
      double place = depth + i * (1 - depth) / needles.size();
      // At the very end there is one place for each that is left.
      int last = sentences.size() - (needles.size() - 1 - i);
      hidden.put(
          Math.min((int) Math.round(place * sentences.size()), last),
          new Hidden(needles.get(i), true));
    }
    return new Haystack("This is a very long story book: <book> ")
        .lines(" ", sentences.size(), sentences::get, hidden)
        .add(" </book>.\n")
        .ask(
            " Based on the content of the book, Question: " + question + "\n",
            "Answer:" + answerPrefix,
            answers);
  }
}
