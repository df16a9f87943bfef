package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Learning from examples that are only in memory, after LongMem (Wang et al. 2023,
 * arXiv:2306.07174): reviews of coined words with random labels, so that nothing but the example
 * itself tells the label. A unit is an example. One label of five is right by chance.
 */
final class Labels implements TaskTemplate {

  private static final List<String> LABELS = List.of("terrible", "bad", "okay", "good", "great");

  @Override
  public String taskName() {
    return "labels";
  }

  @Override
  public int maxNewTokens() {
    return 3;
  }

  @Override
  public Scoring scoring() {
    return Scoring.STARTS_WITH;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<String> reviews = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    while (reviews.size() < units) {
      reviews.add(
          "Review: %s %s %s Sentiment:"
              .formatted(words.coined(3), words.coined(2), words.coined(3)));
      labels.add(LABELS.get(random.nextInt(LABELS.size())));
    }
    int asked = Haystack.at(depth, units);
    return new Haystack("")
        .lines("\n", units, place -> reviews.get(place) + " " + labels.get(place) + ".", asked)
        .ask("\n", reviews.get(asked), List.of(labels.get(asked)));
  }
}
