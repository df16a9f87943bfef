package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;

/**
 * Makes samples of a task, of any length, whose needle lies at any depth. Thread-safe when the
 * token counter is.
 */
public final class RecallTask {

  private final TaskTemplate template;
  private final ToIntFunction<String> tokens;

  RecallTask(TaskTemplate template, ToIntFunction<String> tokens) {
    this.template = template;
    this.tokens = tokens;
  }

  /** The names that {@link #of} knows. */
  public static List<String> names() {
    return templates(Prose.BUILT_IN).map(TaskTemplate::taskName).toList();
  }

  private static Stream<TaskTemplate> templates(Prose prose) {
    return Stream.of(
            Stream.of(new Passkey()),
            Stream.of(NumberTemplate.values()),
            Stream.of(KeyValue.values()),
            Needles.all(prose),
            Stream.of(
                new Secrets(),
                new VariableTracking(),
                new CommonWords(),
                new FrequentWords(),
                new Assignments(),
                new Lines(),
                new StreamedLines(),
                Sentence.single(prose),
                Sentence.several(prose),
                new Labels(),
                new Chats()))
        .flatMap(templates -> templates);
  }

  /**
   * The task of a name.
   *
   * @param tokens counts the tokens of a text, as the model will read it
   * @param prose what needles of some tasks are hidden in
   * @throws IllegalArgumentException naming the tasks that there are
   */
  public static RecallTask of(String name, ToIntFunction<String> tokens, Prose prose) {
    return templates(prose)
        .filter(template -> template.taskName().equals(name))
        .findFirst()
        .map(template -> new RecallTask(template, tokens))
        .orElseThrow(() ->
            new IllegalArgumentException(
                "unknown task " + name + "; known tasks: " + String.join(", ", names())));
  }

  /**
   * Makes one sample. Equal arguments give equal samples.
   *
   * @param length most tokens of the prompt, question and answer prefix included; the prompt falls
   *     short of it by less than a unit of what surrounds the needle
   * @param depth place of the needle in what surrounds it, from 0 (start) to 1 (end)
   * @param seed chooses all that is random
   * @throws IllegalArgumentException when the shortest prompt is longer than {@code length}
   */
  public Sample sample(int length, double depth, long seed) {
    return samples(length, List.of(depth), seed).getFirst();
  }

  /**
   * Makes a sample for each depth, of as many units each: the contexts of tasks that can ask for
   * anything in it are the same.
   *
   * @param length most tokens of the longest prompt
   * @param depths places of the needle, from 0 (start) to 1 (end)
   * @param seed chooses all that is random
   * @throws IllegalArgumentException when a shortest prompt is longer than {@code length}
   */
  public List<Sample> samples(int length, List<Double> depths, long seed) {
    depths.forEach(RecallTask::checkDepth);
    TaskTemplate fitting = template.forLength(length);
    int slack = fitting.slack(tokens);
    int units =
        depths.stream()
            .mapToInt(depth ->
                LongestPrompt.units(
                    count -> tokens.applyAsInt(prompt(fitting, count, depth, seed).text()),
                    fitting.leastUnits(),
                    length,
                    slack))
            .min()
            .orElseThrow(() -> new IllegalArgumentException("depths must not be empty"));
    return depths.stream()
        .map(depth -> sample(fitting, String.valueOf(length), units, depth, seed))
        .toList();
  }

  /**
   * Makes one sample of a number of units instead of a length.
   *
   * @param units pairs, lines or words: what the task's context is made of
   */
  public Sample ofUnits(int units, double depth, long seed) {
    checkDepth(depth);
    if (units < template.leastUnits()) {
      throw new IllegalArgumentException(
          "%s needs at least %d units: %d"
              .formatted(template.taskName(), template.leastUnits(), units));
    }
    return sample(template, units + "units", units, depth, seed);
  }

  private static Sample sample(
      TaskTemplate template, String size, int units, double depth, long seed) {
    String name = template.taskName();
    return new Sample(
        String.format(Locale.ROOT, "%s-%s-%.3f-%d", name, size, depth, seed),
        name,
        prompt(template, units, depth, seed),
        template.scoring(),
        template.maxNewTokens(),
        depth);
  }

  private static Prompt prompt(TaskTemplate template, int units, double depth, long seed) {
    RandomGenerator random =
        RandomGeneratorFactory.<RandomGenerator>of("L64X128MixRandom").create(seed);
    return template.prompt(units, depth, random);
  }

  private static void checkDepth(double depth) {
    if (!(depth >= 0 && depth <= 1)) {
      throw new IllegalArgumentException("depth must be from 0 to 1: " + depth);
    }
  }
}
