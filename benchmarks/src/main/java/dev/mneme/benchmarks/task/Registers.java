package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * LongEval's lines: each gives a number to a name of its own.
 *
 * @param names of the lines
 * @param contents their numbers
 */
record Registers(List<String> names, List<String> contents) {

  /** Draws so many lines. */
  static Registers draw(int lines, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<String> names = new ArrayList<>();
    List<String> contents = new ArrayList<>();
    while (names.size() < lines) {
      names.add(words.name());
      contents.add(String.valueOf(random.nextInt(1, 50_001)));
    }
    return new Registers(names, contents);
  }

  /** The text of a line. */
  String line(int number) {
    return "line %s: REGISTER_CONTENT is <%s>".formatted(names.get(number), contents.get(number));
  }
}
