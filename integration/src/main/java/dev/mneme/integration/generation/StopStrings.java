package dev.mneme.integration.generation;

import java.util.List;

/**
 * Cuts streamed text at the first stop string. Text that may turn out to be the beginning of one is
 * held back, so that no part of a stop string is ever given out. Not thread-safe.
 */
public final class StopStrings {

  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean stopped;

  /** Starts with no text. */
  public StopStrings(List<String> stops) {
    this.stops = List.copyOf(stops);
  }

  /** Whether a stop string was found; what follows is ignored. */
  public boolean stopped() {
    return stopped;
  }

  /** Takes more text and gives the text that is certain, which may be empty. */
  public String push(String text) {
    if (stopped) {
      return "";
    }
    held.append(text);
    int at = firstStop();
    if (at >= 0) {
      stopped = true;
      held.setLength(at);
      return drain(at);
    }
    return drain(held.length() - possibleStart());
  }

  /** Gives what was held back. */
  public String flush() {
    return drain(held.length());
  }

  private int firstStop() {
    int first = -1;
    for (String stop : stops) {
      int at = held.indexOf(stop);
      if (at >= 0 && (first < 0 || at < first)) {
        first = at;
      }
    }
    return first;
  }

  /** Length of the longest end of the text with which a stop string begins. */
  private int possibleStart() {
    int longest = 0;
    for (String stop : stops) {
      for (int length = Math.min(stop.length() - 1, held.length()); length > longest; length--) {
        if (held.indexOf(stop.substring(0, length), held.length() - length) >= 0) {
          longest = length;
        }
      }
    }
    return longest;
  }

  private String drain(int length) {
    String text = held.substring(0, length);
    held.delete(0, length);
    return text;
  }
}
