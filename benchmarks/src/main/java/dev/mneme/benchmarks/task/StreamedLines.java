package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * StreamEval after its description (Xiao et al. 2023, arXiv:2309.17453), whose code was not
 * published: lines with numbers, and after every ten of them a question about the line twenty lines
 * back, with its answer. The last question is about a line of any distance: the depth says which. A
 * unit is a line.
 */
final class StreamedLines implements TaskTemplate {

  private static final int BETWEEN_QUESTIONS = 10;
  private static final int BACK = 20;

  @Override
  public String taskName() {
    return "stream";
  }

  @Override
  public int leastUnits() {
    return BACK + BETWEEN_QUESTIONS;
  }

  @Override
  public int maxNewTokens() {
    return 12;
  }

  @Override
  public Scoring scoring() {
    return Scoring.FIRST_NUMBER;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Registers registers = Registers.draw(units, random);
    List<String> names = registers.names();
    List<String> contents = registers.contents();
    int asked = Haystack.at(depth, units);
    Haystack haystack = new Haystack("");
    for (int line = 0; line < units; line++) {
      if (line == asked) {
        haystack.needle(registers.line(line));
      } else {
        haystack.add(registers.line(line));
      }
      haystack.add("\n");
      int read = line + 1;
      if (read % BETWEEN_QUESTIONS == 0 && read > BACK && read < units) {
        haystack.add(
            "%s\nAnswer: <%s>\n"
                .formatted(question(names.get(read - BACK)), contents.get(read - BACK)));
      }
    }
    return haystack.ask(
        question(names.get(asked)) + "\n", "Answer: <", List.of(contents.get(asked)));
  }

  private static String question(String name) {
    return "What is the REGISTER_CONTENT in line " + name + "?";
  }
}
