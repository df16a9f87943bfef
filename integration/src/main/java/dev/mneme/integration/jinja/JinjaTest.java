package dev.mneme.integration.jinja;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A test of values that answers as Jinja2's of the same name, where the library's does not.
 *
 * @param name as templates write it after {@code is}
 * @param test whether a value is so
 */
record JinjaTest(String name, Predicate<@Nullable Object> test) implements ExpTest {

  static final List<JinjaTest> ALL =
      List.of(
          new JinjaTest("iterable", JinjaTest::hasItems),
          new JinjaTest("sequence", JinjaTest::hasItems));

  private static boolean hasItems(@Nullable Object value) {
    return value instanceof String || value instanceof Iterable || value instanceof Map;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public boolean evaluate(
      @Nullable Object value, JinjavaInterpreter interpreter, Object... arguments) {
    return test.test(value);
  }
}
