package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.function.ToIntFunction;

/** Makes samples of any length whose needle lies at any depth. */
public sealed interface RecallTask permits PasskeyTask, MultiKeyTask, KeyValueTask {

  /** The names that {@link #of} knows. */
  List<String> NAMES =
      List.of(
          PasskeyTask.NAME,
          MultiKeyTask.NAME,
          KeyValueTask.Layout.LOST_IN_THE_MIDDLE.task(),
          KeyValueTask.Layout.INFINITE_BENCH.task());

  /**
   * The task of a name.
   *
   * @param tokens counts the tokens of a text, as the model will read it
   * @throws IllegalArgumentException naming the tasks that there are
   */
  static RecallTask of(String name, ToIntFunction<String> tokens) {
    if (name.equals(PasskeyTask.NAME)) {
      return new PasskeyTask(tokens);
    }
    if (name.equals(MultiKeyTask.NAME)) {
      return new MultiKeyTask(tokens);
    }
    for (KeyValueTask.Layout layout : KeyValueTask.Layout.values()) {
      if (name.equals(layout.task())) {
        return new KeyValueTask(layout, tokens);
      }
    }
    throw new IllegalArgumentException(
        "unknown task " + name + "; known tasks: " + String.join(", ", NAMES));
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
  Sample sample(int length, double depth, long seed);
}
