package dev.mneme.integration.jinja;

import com.google.common.base.Throwables;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ExpressionFactory;

/**
 * A template as {@code apply_chat_template} of Hugging Face reads it: Jinja2 with {@code
 * trim_blocks} and {@code lstrip_blocks}, the functions {@code raise_exception} and {@code
 * strftime_now}, {@code break} and {@code continue}.
 *
 * <p>What it renders is text alone: text in a variable is not looked at. No other template or file
 * is read. Thread-safe.
 */
public final class JinjaTemplate {

  /** Tags that read other templates. */
  private static final Set<String> FORBIDDEN = Set.of("include", "import", "from", "extends");

  /** Most numbers of a {@code range}, as in Jinja2's sandbox. */
  private static final int MAX_RANGE = 100_000;

  private final String name;
  private final String source;
  private final Jinjava jinjava = jinjava();

  /**
   * Makes a template.
   *
   * @param name of its file, for errors
   * @param source its text
   */
  public JinjaTemplate(String name, String source) {
    this.name = name;
    this.source = TemplateText.read(source);
  }

  private static Jinjava jinjava() {
    JinjavaConfig config =
        JinjavaConfig.newBuilder()
            .withTrimBlocks(true)
            .withKeepTrailingNewline(true)
            .withNestedInterpretationEnabled(false)
            .withRangeLimit(MAX_RANGE)
            .withEnableRecursiveMacroCalls(true)
            .withDisabled(Map.of(Library.TAG, FORBIDDEN))
            .withInterperterFactory(TemplateInterpreter.FACTORY)
            .withElResolver(new PythonObjects())
            .withLegacyOverrides(
                LegacyOverrides.newBuilder()
                    .withAllowAdjacentTextNodes(true)
                    .withEvaluateMapKeys(true)
                    .withHandleBackslashInQuotesOnly(true)
                    .withParseWhitespaceControlStrictly(true)
                    .withUseNaturalOperatorPrecedence(true)
                    .withUseTrimmingForNotesAndExpressions(true)
                    .build())
            .build();
    ExpressionFactory expressions = JinjaSyntax.expressions();
    Jinjava jinjava =
        new Jinjava(config) {
          @Override
          public ExpressionFactory getExpressionFactory() {
            return expressions;
          }
        };
    JinjaFilter.ALL.forEach(jinjava::registerFilter);
    JinjaTest.ALL.forEach(jinjava::registerExpTest);
    jinjava.registerTag(new LoopTag());
    jinjava.registerTag(new ConditionTag());
    jinjava.registerTag(new GenerationTag());
    addFunction(jinjava, "raise_exception", "raise");
    addFunction(jinjava, "strftime_now", "now");
    return jinjava;
  }

  private static void addFunction(Jinjava jinjava, String name, String method) {
    jinjava.registerFunction(
        new ELFunctionDefinition("", name, JinjaTemplate.class, method, String.class));
    jinjava.getGlobalContext().put(name, true); // templates ask whether it is defined
  }

  /** {@code raise_exception} of a template. */
  @SuppressWarnings("DoNotCallSuggester") // templates call it
  static String raise(String message) {
    throw new Refusal(message);
  }

  /** {@code strftime_now} of a template: the local time in a format of C's {@code strftime}. */
  static String now(String format) {
    return StrftimeFormatter.format(
        ZonedDateTime.now(ZoneId.systemDefault()), format, Locale.ENGLISH);
  }

  /**
   * Renders the template.
   *
   * @param variables strings, numbers, booleans, lists and maps by name
   * @throws TemplateException if the template refuses them or has a construct that is not known
   */
  public synchronized String render(Map<String, Object> variables) {
    RenderResult result = jinjava.renderForResult(source, variables);
    List<TemplateError> errors = result.getErrors();
    if (!errors.isEmpty()) {
      throw new TemplateException(name + ": " + message(errors.getFirst()));
    }
    return result.getOutput();
  }

  /** What went wrong, in one line. */
  private static String message(TemplateError error) {
    if (error.getException() != null
        && Throwables.getRootCause(error.getException()) instanceof Refusal refusal) {
      return refusal.words;
    }
    String message = error.getMessage().replace(ELException.class.getName() + ": ", "");
    String construct = error.getFieldName();
    if (construct != null && !message.contains(construct)) {
      message += " in '%s'".formatted(construct);
    }
    String line = error.getLineno() > 0 ? "line %d: ".formatted(error.getLineno()) : "";
    return line + message.lines().map(String::strip).collect(Collectors.joining(" "));
  }

  /** What a template says when it raises an exception. */
  private static final class Refusal extends ELException {

    private static final long serialVersionUID = 1;

    private final String words;

    Refusal(String words) {
      super(words);
      this.words = words;
    }
  }
}
