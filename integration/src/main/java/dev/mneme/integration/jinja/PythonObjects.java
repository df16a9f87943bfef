package dev.mneme.integration.jinja;

import com.google.common.collect.Iterables;
import com.hubspot.jinjava.el.ext.JinjavaBeanELResolver;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ObjectTruthValue;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/**
 * Strings, lists and mappings with the subscripts and methods that they have in Python, and nothing
 * of Java's. What is not there is null, as Jinja2's undefined value; a method that is not there is
 * an error.
 */
final class PythonObjects extends ELResolver {

  private static final Pattern INDEX = Pattern.compile("-?\\d{1,9}");

  /** Calls filters and tests, which are methods to the library. */
  private final ELResolver calls = new JinjavaBeanELResolver(true);

  /** Whether Python takes a value for true: an empty string is false, the string "false" true. */
  static boolean isTrue(@Nullable Object value) {
    return value instanceof String text ? !text.isEmpty() : ObjectTruthValue.evaluate(value);
  }

  /**
   * The items of what a loop or a slice goes over, none for null.
   *
   * @throws ELException if it has no items
   */
  static List<@Nullable Object> items(@Nullable Object value) {
    List<@Nullable Object> items = new ArrayList<>();
    switch (value) {
      case null -> {}
      case String text -> text.codePoints().mapToObj(Character::toString).forEach(items::add);
      case Map<?, ?> map -> items.addAll(map.keySet());
      case Iterable<?> iterable -> Iterables.addAll(items, iterable);
      default -> throw new ELException(type(value) + " has no items");
    }
    return items;
  }

  /**
   * A value as text, none for null.
   *
   * @throws ELException for lists and mappings, of which Python writes its own notation
   */
  static String text(@Nullable Object value) {
    return switch (value) {
      case null -> "";
      case String text -> text;
      case Boolean flag -> flag ? "True" : "False";
      case Number number -> number.toString();
      default -> throw new ELException("a %s cannot be written as text".formatted(type(value)));
    };
  }

  private static String type(Object value) {
    return switch (value) {
      case String _ -> "str";
      case Map<?, ?> _ -> "dict";
      case List<?> _ -> "list";
      case Boolean _ -> "bool";
      case Number _ -> "number";
      default -> value.getClass().getSimpleName();
    };
  }

  @Override
  public @Nullable Object getValue(ELContext context, Object base, Object property) {
    context.setPropertyResolved(true);
    return switch (base) {
      case Map<?, ?> map -> map.get(property);
      case LoopTag.Loop loop -> loop.variable(property.toString());
      case List<?> list -> item(list, property.toString());
      case String text -> character(text, property.toString());
      default -> null;
    };
  }

  private static @Nullable Object item(List<?> list, String index) {
    int at = index(index, list.size());
    return at < 0 ? null : list.get(at);
  }

  private static @Nullable String character(String text, String index) {
    // The library asks for an attribute before it calls a method: no pass over a long text then.
    int at = isIndex(index) ? index(index, text.codePointCount(0, text.length())) : -1;
    return at < 0 ? null : Character.toString(text.codePointAt(text.offsetByCodePoints(0, at)));
  }

  private static boolean isIndex(String property) {
    return INDEX.matcher(property).matches();
  }

  /** The place of an index that may count from the end, -1 for none. */
  private static int index(String property, int size) {
    if (!isIndex(property)) {
      return -1;
    }
    int index = Integer.parseInt(property);
    int at = index < 0 ? index + size : index;
    return at < size ? Math.max(at, -1) : -1;
  }

  @Override
  public @Nullable Object invoke(
      ELContext context,
      Object base,
      Object method,
      Class<?> @Nullable [] types,
      @Nullable Object[] arguments) {
    if (base instanceof Filter || base instanceof ExpTest) {
      return calls.invoke(context, base, method, types, arguments);
    }
    context.setPropertyResolved(true);
    return switch (base) {
      case String text -> PythonStrings.call(text, method.toString(), arguments);
      case Map<?, ?> map -> call(map, method.toString(), arguments);
      default -> throw unknown(type(base), method.toString(), arguments);
    };
  }

  private static @Nullable Object call(Map<?, ?> map, String method, @Nullable Object[] arguments) {
    return switch (method + "/" + arguments.length) {
      case "keys/0" -> new ArrayList<>(map.keySet());
      case "values/0" -> new ArrayList<>(map.values());
      case "items/0" -> entries(map);
      case "get/1" -> map.get(arguments[0]);
      case "get/2" -> map.containsKey(arguments[0]) ? map.get(arguments[0]) : arguments[1];
      default -> throw unknown("dict", method, arguments);
    };
  }

  /** The keys of a mapping with their values, as lists of two. */
  static List<List<@Nullable Object>> entries(Map<?, ?> map) {
    return map.entrySet().stream()
        .map(entry -> Arrays.<@Nullable Object>asList(entry.getKey(), entry.getValue()))
        .toList();
  }

  static ELException unknown(String type, String method, @Nullable Object[] arguments) {
    return new ELException(
        "%s.%s with %d arguments is not supported".formatted(type, method, arguments.length));
  }

  @Override
  public void setValue(ELContext context, Object base, Object property, Object value) {
    throw new ELException("values cannot be changed: " + property);
  }

  @Override
  public boolean isReadOnly(ELContext context, Object base, Object property) {
    return true;
  }

  @Override
  public Class<?> getType(ELContext context, Object base, Object property) {
    return Object.class;
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, Object base) {
    return Object.class;
  }

  @Override
  public @Nullable Iterator<FeatureDescriptor> getFeatureDescriptors(
      ELContext context, Object base) {
    return null;
  }
}
