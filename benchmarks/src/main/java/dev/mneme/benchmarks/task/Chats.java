package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What a user said in one of many past conversations, in the manner of LongMemEval (Wu et al. 2024,
 * arXiv:2410.10813), with conversations of our own: in each the user names something, and the last
 * one asks for a name. A unit is a conversation; the needle is the whole one asked about, so that
 * finding it is LongMemEval's session recall.
 */
final class Chats implements TaskTemplate {

  @Override
  public String taskName() {
    return "chats";
  }

  @Override
  public int maxNewTokens() {
    return 12;
  }

  @Override
  public Scoring scoring() {
    return Scoring.CONTAINS_ANY;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<String> things = new ArrayList<>();
    List<String> names = new ArrayList<>();
    while (things.size() < units) {
      things.add(words.name().replace('-', ' '));
      String name = words.coined(3);
      names.add(Character.toUpperCase(name.charAt(0)) + name.substring(1));
    }
    int asked = Haystack.at(depth, units);
    return new Haystack(
            "I will give you several history chats between you and a user. Please answer the"
                + " question based on the relevant chat history.\n\n")
        .lines("\n", units, place -> chat(place + 1, things.get(place), names.get(place)), asked)
        .ask(
            "\nSession %d\nUser: What is the name of my %s?\n"
                .formatted(units + 1, things.get(asked)),
            "Assistant: The name of your %s is".formatted(things.get(asked)),
            List.of(names.get(asked)));
  }

  private static String chat(int number, String thing, String name) {
    return """
    Session %1$d
    User: I have thought about my %2$s for a long time. It needs a name.
    Assistant: A name makes a %2$s easier to talk about. Which one do you like?
    User: I have decided. The name of my %2$s is %3$s.
    Assistant: %3$s is a fine name. Is there anything else I can help you with?
    User: No, thank you. That was all for today.
    """
        .formatted(number, thing, name);
  }
}
