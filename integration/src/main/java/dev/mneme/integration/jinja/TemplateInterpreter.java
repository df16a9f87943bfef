package dev.mneme.integration.jinja;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.interpret.TemplateError.ErrorItem;
import com.hubspot.jinjava.interpret.TemplateError.ErrorReason;
import com.hubspot.jinjava.interpret.TemplateError.ErrorType;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/** Writes values as Python does. */
final class TemplateInterpreter extends JinjavaInterpreter {

  static final InterpreterFactory FACTORY =
      new InterpreterFactory() {
        @Override
        public JinjavaInterpreter newInstance(JinjavaInterpreter original) {
          return new TemplateInterpreter(original);
        }

        @Override
        public JinjavaInterpreter newInstance(
            Jinjava jinjava, Context context, JinjavaConfig config) {
          return new TemplateInterpreter(jinjava, context, config);
        }
      };

  private TemplateInterpreter(JinjavaInterpreter original) {
    super(original);
  }

  private TemplateInterpreter(Jinjava jinjava, Context context, JinjavaConfig config) {
    super(jinjava, context, config);
  }

  @Override
  public String getAsString(@Nullable Object value) {
    try {
      return PythonObjects.text(value);
    } catch (ELException e) {
      addError(
          new TemplateError(
              ErrorType.FATAL,
              ErrorReason.EXCEPTION,
              ErrorItem.OTHER,
              e.getMessage(),
              null,
              getLineNumber(),
              getPosition(),
              e));
      return "";
    }
  }
}
