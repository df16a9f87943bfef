package dev.mneme.benchmarks.task;

import static com.google.common.base.Preconditions.checkArgument;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.random.RandomGenerator;

/** A context while it is written, which keeps in mind where its needles are. Not thread-safe. */
final class Haystack {

  private final StringBuilder text = new StringBuilder();
  private final List<Span> needles = new ArrayList<>();

  /** Starts with a text. */
  Haystack(String start) {
    text.append(start);
  }

  /**
   * A line that stands out.
   *
   * @param text of the line
   * @param asked whether the answer has to be read from it
   */
  record Hidden(String text, boolean asked) {}

  /**
   * Where hidden lines go among others: the first at a depth, the others anywhere else.
   *
   * @param units lines around them, at least as many as are hidden
   * @param depth of the first, from 0 to 1
   * @param hidden the first one first
   */
  static Map<Integer, Hidden> places(
      int units, double depth, List<Hidden> hidden, RandomGenerator random) {
    checkRoom(units, hidden.size());
    Map<Integer, Hidden> places = new TreeMap<>();
    places.put((int) Math.round(depth * units), hidden.getFirst());
    while (places.size() < hidden.size()) {
      places.putIfAbsent(random.nextInt(units + 1), hidden.get(places.size()));
    }
    return places;
  }

  /**
   * Checks that there are places for hidden lines.
   *
   * @throws IllegalArgumentException if there are more of them than places
   */
  static void checkRoom(int units, int hidden) {
    checkArgument(hidden <= units + 1, "%s needles do not fit between %s sentences", hidden, units);
  }

  /** The line at a depth, from the first at 0 to the last at 1. */
  static int at(double depth, int lines) {
    return (int) Math.round(depth * (lines - 1));
  }

  /** Appends what is not asked about. */
  Haystack add(String more) {
    text.append(more);
    return this;
  }

  /** Appends what the answer has to be read from. */
  Haystack needle(String needle) {
    needles.add(new Span(text.length(), text.length() + needle.length()));
    text.append(needle);
    return this;
  }

  /**
   * Appends lines, each in front of the line of its place.
   *
   * @param separator between any two lines
   * @param units number of lines that hide the others
   * @param line the line of a place, from 0
   * @param hidden lines by their places, from 0 to {@code units}
   */
  Haystack lines(
      String separator, int units, IntFunction<String> line, Map<Integer, Hidden> hidden) {
    int first = text.length();
    for (int place = 0; place <= units; place++) {
      Hidden here = hidden.get(place);
      if (here != null) {
        separate(first, separator);
        if (here.asked()) {
          needle(here.text());
        } else {
          add(here.text());
        }
      }
      if (place < units) {
        separate(first, separator);
        add(line.apply(place));
      }
    }
    return this;
  }

  /**
   * Appends lines, one of which is asked about.
   *
   * @param asked its place
   */
  Haystack lines(String separator, int units, IntFunction<String> line, int asked) {
    int first = text.length();
    for (int place = 0; place < units; place++) {
      separate(first, separator);
      if (place == asked) {
        needle(line.apply(place));
      } else {
        add(line.apply(place));
      }
    }
    return this;
  }

  private void separate(int first, String separator) {
    if (text.length() > first) {
      text.append(separator);
    }
  }

  /**
   * The prompt with this context.
   *
   * @param question what follows the context
   * @param answerPrefix the start of the answer
   * @param answers right ones, at least one
   */
  Prompt ask(String question, String answerPrefix, List<String> answers) {
    return new Prompt(text.toString(), needles, question, answerPrefix, answers);
  }
}
