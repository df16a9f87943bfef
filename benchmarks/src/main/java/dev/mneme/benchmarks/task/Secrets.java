package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.random.RandomGenerator;

/**
 * Twenty pass keys and twenty strings of ten digits, in turn, in lines of noise: each has an owner,
 * by whom it is asked for. So one context, read once, answers for forty depths. A unit is a line of
 * noise.
 *
 * <p>Wording of the pass key is landmark attention's and that of the digits InfiniteBench's, with
 * the owner's name in both. Equal seeds give the same context whatever the depth.
 */
final class Secrets implements TaskTemplate {

  private static final int SECRETS = 40;

  /** A pass key, or a string of digits. */
  private record Secret(String thing, String owner, String number) {

    String sentence() {
      return "The %1$s of %2$s is %3$s. Remember it. %3$s is the %1$s of %2$s."
          .formatted(thing, owner, number);
    }
  }

  @Override
  public String taskName() {
    return "secrets";
  }

  @Override
  public int leastUnits() {
    return SECRETS;
  }

  @Override
  public int slack(ToIntFunction<String> tokens) {
    return tokens.applyAsInt(Vocabulary.NOISE + "\n");
  }

  @Override
  public int maxNewTokens() {
    return 16;
  }

  @Override
  public Scoring scoring() {
    return Scoring.FIRST_NUMBER;
  }

  @Override
  public Prompt prompt(int units, double depth, RandomGenerator random) {
    Vocabulary words = new Vocabulary(random);
    List<Secret> secrets = new ArrayList<>();
    while (secrets.size() < SECRETS) {
      secrets.add(
          secrets.size() % 2 == 0
              ? new Secret("pass key", words.name(), words.digits(5))
              : new Secret("sequence of digits", words.name(), words.digits(10)));
    }
    int asked = Haystack.at(depth, SECRETS);
    Secret secret = secrets.get(asked);
    Map<Integer, Haystack.Hidden> hidden = new HashMap<>();
    for (int i = 0; i < SECRETS; i++) {
      hidden.put(
          (int) ((i + 0.5) * units / SECRETS),
          new Haystack.Hidden(secrets.get(i).sentence(), i == asked));
    }
    String of = secret.thing() + " of " + secret.owner();
    return new Haystack(
            "There is important info hidden inside a lot of irrelevant text. Find it and memorize"
                + " it. I will quiz you about the important information.\n\n")
        .lines("\n", units, place -> Vocabulary.NOISE, hidden)
        .ask("\nWhat is the " + of + "?", " The " + of + " is", List.of(secret.number()));
  }
}
