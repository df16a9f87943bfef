package dev.mneme.integration.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.function.IntPredicate;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings that templates call. */
final class PythonStrings {

  private PythonStrings() {}

  /**
   * Calls a method.
   *
   * @throws ELException if there is none of this name and number of arguments
   */
  static Object call(String text, String method, @Nullable Object[] arguments) {
    return switch (method + "/" + arguments.length) {
      case "strip/0", "strip/1" -> strip(text, characters(arguments), true, true);
      case "lstrip/0", "lstrip/1" -> strip(text, characters(arguments), true, false);
      case "rstrip/0", "rstrip/1" -> strip(text, characters(arguments), false, true);
      case "startswith/1" -> any(arguments[0], text, String::startsWith);
      case "endswith/1" -> any(arguments[0], text, String::endsWith);
      case "split/0" -> words(text);
      case "split/1" -> split(text, string(arguments[0]), Integer.MAX_VALUE);
      case "split/2" -> split(text, string(arguments[0]), number(arguments[1]));
      case "replace/2" -> text.replace(string(arguments[0]), string(arguments[1]));
      case "upper/0" -> text.toUpperCase(Locale.ROOT);
      case "lower/0" -> text.toLowerCase(Locale.ROOT);
      default -> throw PythonObjects.unknown("str", method, arguments);
    };
  }

  /** Without white space at both ends. */
  static String strip(String text) {
    return strip(text, PythonStrings::isSpace, true, true);
  }

  private static String strip(String text, IntPredicate stripped, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && stripped.test(text.codePointAt(from))) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (right && from < to && stripped.test(text.codePointBefore(to))) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  /** The characters of the one argument, white space without one. */
  private static IntPredicate characters(@Nullable Object[] arguments) {
    if (arguments.length == 0 || arguments[0] == null) {
      return PythonStrings::isSpace;
    }
    String characters = string(arguments[0]);
    return character -> characters.indexOf(character) >= 0;
  }

  private static boolean isSpace(int character) {
    return Character.isWhitespace(character)
        || Character.isSpaceChar(character)
        || character == 0x85;
  }

  /** Whether one string, or one of several, is at an end of the text. */
  private static boolean any(
      @Nullable Object affix, String text, BiPredicate<String, String> atEnd) {
    return affix instanceof List<?> several
        ? several.stream().anyMatch(each -> atEnd.test(text, string(each)))
        : atEnd.test(text, string(affix));
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    int start = -1;
    for (int at = 0; at <= text.length(); at++) {
      boolean space = at == text.length() || isSpace(text.charAt(at));
      if (space && start >= 0) {
        words.add(text.substring(start, at));
        start = -1;
      } else if (!space && start < 0) {
        start = at;
      }
    }
    return words;
  }

  private static List<String> split(String text, String separator, int most) {
    if (separator.isEmpty()) {
      throw new ELException("str.split: the separator is empty");
    }
    List<String> parts = new ArrayList<>();
    int from = 0;
    int at = text.indexOf(separator);
    while (at >= 0 && (most < 0 || parts.size() < most)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
      at = text.indexOf(separator, from);
    }
    parts.add(text.substring(from));
    return parts;
  }

  private static String string(@Nullable Object argument) {
    if (argument instanceof String text) {
      return text;
    }
    throw new ELException("expected a string: " + Objects.toString(argument, "none"));
  }

  private static int number(@Nullable Object argument) {
    if (argument instanceof Number number) {
      return number.intValue();
    }
    throw new ELException("expected a number: " + Objects.toString(argument, "none"));
  }
}
