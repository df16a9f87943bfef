package dev.mneme.integration.generation;

import java.util.List;

/**
 * Lets text through up to the first stop string, which may come in pieces.
 *
 * <p>Text that may yet turn out to begin a stop string is held back until it is known. No character
 * of the stop string itself is let through. Where several stop strings begin at one place or
 * overlap, the one that is complete first ends the text, and of those the one that begins first.
 *
 * <p>One instance watches one text. Not thread-safe.
 */
public final class StopStrings {

  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean stopped;

  /**
   * Watches for {@code stops}.
   *
   * @param stops no empty string; may be an empty list, then all text passes at once
   */
  public StopStrings(List<String> stops) {
    if (stops.contains("")) {
      throw new IllegalArgumentException("stops must not contain the empty string");
    }
    this.stops = List.copyOf(stops);
  }

  /**
   * Takes the next piece of the text.
   *
   * @return the text that is now known to stand before any stop string; empty once {@link
   *     #stopped()}
   */
  public String push(String text) {
    if (stopped) {
      return "";
    }
    int searched = held.length();
    held.append(text);
    int start = firstStop(searched);
    if (start >= 0) {
      stopped = true;
      String before = held.substring(0, start);
      held.setLength(0);
      return before;
    }
    int safe = held.length() - mayBegin();
    String passed = held.substring(0, safe);
    held.delete(0, safe);
    return passed;
  }

  /** Returns what is held back, at the end of a text that came to no stop string. */
  public String flush() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** Whether a stop string has been met. */
  public boolean stopped() {
    return stopped;
  }

  /**
   * Where the stop string begins that is complete first, -1 when none is. None ends within the
   * first {@code searched} characters, which have been looked at.
   */
  private int firstStop(int searched) {
    int first = -1;
    int firstEnd = Integer.MAX_VALUE;
    for (String stop : stops) {
      int start = held.indexOf(stop, Math.max(0, searched - stop.length() + 1));
      int end = start + stop.length();
      if (start >= 0 && (end < firstEnd || (end == firstEnd && start < first))) {
        first = start;
        firstEnd = end;
      }
    }
    return first;
  }

  /** Length of the longest end of the held text with which a stop string begins. */
  private int mayBegin() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (held.indexOf(stop.substring(0, n), held.length() - n) >= 0) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
