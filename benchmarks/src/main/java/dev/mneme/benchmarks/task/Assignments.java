package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The recall test of vLLM's sliding windows: lines of code that set variables, one of which the
 * first line says will matter. A unit is a line. What differs: the depth is given, where vLLM draws
 * one of the first lines.
 */
final class Assignments implements TaskTemplate {

  private static final int FIRST = 30;

  @Override
  public String taskName() {
    return "assign";
  }

  @Override
  public int maxNewTokens() {
    return 5;
  }

  @Override
  public Scoring scoring() {
    return Scoring.STARTS_WITH;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    int[] values = random.ints(units, 10, 100).toArray();
    int asked = Haystack.at(depth, units);
    String name = "x" + (FIRST + asked);
    return new Haystack(
            "```python\n# We set a number of variables, %s will be important later\n"
                .formatted(name))
        .lines("\n", units, place -> "x%d = %d".formatted(FIRST + place, values[place]), asked)
        .ask(
            "\n# Now, we check the value of " + name + ":\n",
            "assert " + name + " == ",
            List.of(String.valueOf(values[asked])));
  }
}
