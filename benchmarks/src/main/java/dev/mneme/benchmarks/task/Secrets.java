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
 * <p>Wording follows landmark attention's pass key and InfiniteBench's digits, with the owner
 * twice: once to be found by, and once in front of the number, as in a list. Without that a small
 * model mixes forty numbers up that it sees all the same; docs/decisions.md has the figures. Equal
 * seeds give the same context whatever the depth.
 */
final class Secrets implements TaskTemplate {

  private static final List<String> OWNERS =
      List.of(
          "dragon",
          "river",
          "mountain",
          "teacher",
          "doctor",
          "garden",
          "bridge",
          "castle",
          "window",
          "guitar",
          "rocket",
          "planet",
          "tiger",
          "forest",
          "island",
          "engine",
          "mirror",
          "ladder",
          "bottle",
          "candle",
          "hammer",
          "basket",
          "blanket",
          "saddle",
          "pepper",
          "cotton",
          "silver",
          "copper",
          "marble",
          "velvet",
          "lemon",
          "walnut",
          "rabbit",
          "falcon",
          "turtle",
          "spider",
          "lobster",
          "camel",
          "pigeon",
          "salmon");

  private static final int SECRETS = OWNERS.size();

  /** A pass key, or a string of digits. */
  private record Secret(String thing, String owner, String number) {

    String sentence() {
      return "%1$s %2$s. Remember it: %3$s %2$s.".formatted(entry(), number, owner);
    }

    /** What stands in front of the number. */
    String entry() {
      return "The %1$s of the %2$s: %2$s".formatted(thing, owner);
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
    for (String owner : OWNERS) {
      secrets.add(
          secrets.size() % 2 == 0
              ? new Secret("pass key", owner, words.digits(5))
              : new Secret("sequence of digits", owner, words.digits(10)));
    }
    int asked = Haystack.at(depth, SECRETS);
    Secret secret = secrets.get(asked);
    Map<Integer, Haystack.Hidden> hidden = new HashMap<>();
    for (int i = 0; i < SECRETS; i++) {
      hidden.put(
          (int) ((i + 0.5) * units / SECRETS),
          new Haystack.Hidden(secrets.get(i).sentence(), i == asked));
    }
    return new Haystack(
            "There is important info hidden inside a lot of irrelevant text. Find it and memorize"
                + " it. I will quiz you about the important information.\n\n")
        .lines("\n", units, place -> Vocabulary.NOISE, hidden)
        .ask(
            "\nWhat is the " + secret.thing() + " of the " + secret.owner() + "?",
            " " + secret.entry(),
            List.of(secret.number()));
  }
}
