package dev.mneme.benchmarks.task;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * LongEval's lines (Li et al. 2023, "How long can open-source LLMs truly promise on context
 * length?"), with names for indices ({@code LRT-NL}): which number stands in one line among many? A
 * unit is a line. The answer is begun for the model, which the original leaves to it.
 */
final class Lines implements TaskTemplate {

  private static final String HEADER =
      "Below is a record of lines I want you to remember. Each line begins with 'line <line"
          + " index>' and contains a '<REGISTER_CONTENT>' at the end of the line as a numerical"
          + " value. For each line index, memorize its corresponding <REGISTER_CONTENT>. At the end"
          + " of the record, I will ask you to retrieve the corresponding <REGISTER_CONTENT> of a"
          + " certain line index. Now the record start:\n\n";

  @Override
  public String taskName() {
    return "lines";
  }

  @Override
  public int maxNewTokens() {
    return 12;
  }

  /** The first number, as the answer is begun; the original, which is not, takes the last one. */
  @Override
  public Scoring scoring() {
    return Scoring.FIRST_NUMBER;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Registers registers = Registers.draw(units, random);
    int asked = Haystack.at(depth, units);
    String name = registers.names().get(asked);
    return new Haystack(HEADER)
        .lines("\n", units, registers::line, asked)
        .ask(
            ("\n\nNow the record is over. Tell me what is the <REGISTER_CONTENT> in line %s? I need"
                    + " the number.")
                .formatted(name),
            " line %s: REGISTER_CONTENT is <".formatted(name),
            List.of(registers.contents().get(asked)));
  }
}
