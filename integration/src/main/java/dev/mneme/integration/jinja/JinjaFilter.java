package dev.mneme.integration.jinja;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.PrettyPrinter;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter.NopIndenter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.core.util.Separators.Spacing;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/**
 * A filter that does what Jinja2's of the same name does, where the library's does not.
 *
 * @param name as templates call it
 * @param body what it computes
 */
record JinjaFilter(String name, Body body) implements Filter {

  /** Takes the items from, to and by which step, null where a slice does not say. */
  static final String SLICE = "[::]";

  static final List<JinjaFilter> ALL =
      List.of(
          new JinjaFilter("trim", JinjaFilter::trim),
          new JinjaFilter("default", JinjaFilter::orDefault),
          new JinjaFilter("d", JinjaFilter::orDefault),
          new JinjaFilter("items", JinjaFilter::items),
          new JinjaFilter("tojson", JinjaFilter::json),
          new JinjaFilter(SLICE, JinjaFilter::slice));

  private static final JsonMapper JSON =
      JsonMapper.builder().disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE).build();

  private static final Separators SEPARATORS =
      Separators.createDefaultInstance()
          .withObjectFieldValueSpacing(Spacing.AFTER)
          .withObjectEmptySeparator("")
          .withArrayEmptySeparator("");

  /** What a filter computes from its value, its arguments and those with a name. */
  @FunctionalInterface
  interface Body {

    @Nullable Object apply(
        @Nullable Object value, @Nullable Object[] arguments, Map<String, Object> named);
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public @Nullable Object filter(
      @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
    return body.apply(value, arguments, Map.of());
  }

  @Override
  public @Nullable Object filter(
      @Nullable Object value,
      JinjavaInterpreter interpreter,
      @Nullable Object[] arguments,
      Map<String, Object> named) {
    return body.apply(value, arguments, named);
  }

  private static String trim(
      @Nullable Object value, @Nullable Object[] arguments, Map<String, Object> named) {
    return PythonStrings.strip(Objects.toString(value, ""));
  }

  /** Another value for one that is missing, or, where the second argument says so, false. */
  private static @Nullable Object orDefault(
      @Nullable Object value, @Nullable Object[] arguments, Map<String, Object> named) {
    Object other = arguments.length > 0 ? arguments[0] : named.getOrDefault("default_value", "");
    Object falseToo = arguments.length > 1 ? arguments[1] : named.get("boolean");
    boolean kept = PythonObjects.isTrue(falseToo) ? PythonObjects.isTrue(value) : value != null;
    return kept ? value : other;
  }

  private static Object items(
      @Nullable Object value, @Nullable Object[] arguments, Map<String, Object> named) {
    return value instanceof Map<?, ?> map ? PythonObjects.entries(map) : List.of();
  }

  /** As Python's {@code json.dumps} writes it, characters beyond ASCII as they are. */
  private static String json(
      @Nullable Object value, @Nullable Object[] arguments, Map<String, Object> named) {
    Object indent = named.get("indent");
    try {
      return JSON.writer(indent instanceof Number spaces ? indented(spaces) : oneLine())
          .writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new ELException("tojson: " + e.getOriginalMessage(), e);
    }
  }

  private static PrettyPrinter oneLine() {
    NopIndenter none = new NopIndenter();
    return new DefaultPrettyPrinter(
            SEPARATORS.withObjectEntrySpacing(Spacing.AFTER).withArrayValueSpacing(Spacing.AFTER))
        .withArrayIndenter(none)
        .withObjectIndenter(none);
  }

  private static PrettyPrinter indented(Number spaces) {
    DefaultIndenter lines = new DefaultIndenter(" ".repeat(spaces.intValue()), "\n");
    return new DefaultPrettyPrinter(SEPARATORS).withArrayIndenter(lines).withObjectIndenter(lines);
  }

  private static Object slice(
      @Nullable Object value, @Nullable Object[] bounds, Map<String, Object> named) {
    if (value instanceof String text) {
      int[] characters = text.codePoints().toArray();
      return slice(bounds, characters.length)
          .collect(
              StringBuilder::new,
              (taken, at) -> taken.appendCodePoint(characters[at]),
              StringBuilder::append)
          .toString();
    }
    List<@Nullable Object> items = PythonObjects.items(value);
    List<@Nullable Object> taken = new ArrayList<>();
    slice(bounds, items.size()).forEach(at -> taken.add(items.get(at)));
    return taken;
  }

  /** The places that a slice takes. */
  private static IntStream slice(@Nullable Object[] bounds, int size) {
    int step = bound(bounds[2], 1);
    if (step == 0) {
      throw new ELException("the step of a slice is 0");
    }
    int first = step > 0 ? 0 : -1;
    int last = step > 0 ? size : size - 1;
    int start = within(bounds[0], step > 0 ? first : last, size, first, last);
    int stop = within(bounds[1], step > 0 ? last : first, size, first, last);
    return IntStream.iterate(start, at -> step > 0 ? at < stop : at > stop, at -> at + step);
  }

  /** A bound that counts from the end where it is negative, from first to last. */
  private static int within(@Nullable Object bound, int missing, int size, int first, int last) {
    if (bound == null) {
      return missing;
    }
    int at = bound(bound, 0);
    return Math.clamp(at < 0 ? at + size : at, first, last);
  }

  private static int bound(@Nullable Object bound, int missing) {
    return switch (bound) {
      case null -> missing;
      case Number number -> number.intValue();
      default -> throw new ELException("a bound of a slice must be a number: " + bound);
    };
  }
}
