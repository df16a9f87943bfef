package dev.mneme.benchmarks.task;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The lengths and depths at which a task is asked. */
public final class Grid {

  private static final Pattern LENGTH =
      Pattern.compile("([1-9][0-9]{0,9})([km]?)", Pattern.CASE_INSENSITIVE);
  private static final double SHALLOWEST = 0.05;
  private static final double DEEPEST = 0.95;

  private Grid() {}

  /**
   * Reads a list of lengths in tokens, such as {@code 4k,1m,100000}; {@code k} is 1024, {@code m}
   * its square.
   *
   * @throws IllegalArgumentException naming the part that is not a length
   */
  public static List<Integer> lengths(String text) {
    List<Integer> lengths = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      lengths.add(length(part.strip()));
    }
    return List.copyOf(lengths);
  }

  private static int length(String text) {
    Matcher matcher = LENGTH.matcher(text);
    if (matcher.matches()) {
      long unit =
          switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
            case "k" -> 1 << 10;
            case "m" -> 1 << 20;
            default -> 1;
          };
      long length = Long.parseLong(matcher.group(1)) * unit;
      if (length <= Integer.MAX_VALUE) {
        return (int) length;
      }
    }
    throw new IllegalArgumentException(
        "a length must be a number of tokens such as 4k or 100000: \"%s\"".formatted(text));
  }

  /**
   * Depths spread evenly from 0.05 to 0.95, both included; the single depth of a grid of one is
   * 0.5. Neither end is nearer to a border: there the needle would lie among the sinks or in the
   * window.
   *
   * @param count number of depths, at least 1
   */
  public static List<Double> depths(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("depths must be positive: " + count);
    }
    if (count == 1) {
      return List.of((SHALLOWEST + DEEPEST) / 2);
    }
    double step = (DEEPEST - SHALLOWEST) / (count - 1);
    return IntStream.range(0, count).mapToObj(i -> SHALLOWEST + i * step).toList();
  }
}
