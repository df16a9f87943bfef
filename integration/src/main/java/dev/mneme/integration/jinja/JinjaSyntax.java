package dev.mneme.integration.jinja;

import com.hubspot.jinjava.el.ExtendedSyntaxBuilder;
import com.hubspot.jinjava.el.TruthyTypeConverter;
import com.hubspot.jinjava.el.ext.AstNamedParameter;
import com.hubspot.jinjava.el.ext.ExtendedParser;
import com.hubspot.jinjava.el.ext.ExtendedScanner;
import com.hubspot.jinjava.el.ext.NamedParameterOperator;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;
import jinjava.de.odysseus.el.ExpressionFactoryImpl;
import jinjava.de.odysseus.el.tree.Bindings;
import jinjava.de.odysseus.el.tree.TreeBuilder;
import jinjava.de.odysseus.el.tree.impl.Builder;
import jinjava.de.odysseus.el.tree.impl.Parser;
import jinjava.de.odysseus.el.tree.impl.Scanner;
import jinjava.de.odysseus.el.tree.impl.Scanner.Symbol;
import jinjava.de.odysseus.el.tree.impl.ast.AstBinary;
import jinjava.de.odysseus.el.tree.impl.ast.AstDot;
import jinjava.de.odysseus.el.tree.impl.ast.AstIdentifier;
import jinjava.de.odysseus.el.tree.impl.ast.AstNode;
import jinjava.de.odysseus.el.tree.impl.ast.AstNull;
import jinjava.de.odysseus.el.tree.impl.ast.AstParameters;
import jinjava.de.odysseus.el.tree.impl.ast.AstUnary;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ExpressionFactory;
import org.jspecify.annotations.Nullable;

/**
 * Jinjava's expressions with what Jinja2's have beside them: {@code not} that binds weaker than
 * comparisons and tests, {@code and} with the value of an operand, slices with a step, named
 * arguments of any expression, and a plus sign right in front of a digit.
 */
final class JinjaSyntax extends ExtendedSyntaxBuilder {

  private static final long serialVersionUID = 1;

  private JinjaSyntax(Feature... features) {
    super(features);
  }

  static ExpressionFactory expressions() {
    return new ExpressionFactoryImpl(new Properties(), new PythonConversion()) {
      @Override
      protected TreeBuilder createTreeBuilder(Properties properties, Feature... features) {
        return new JinjaSyntax(features);
      }
    };
  }

  @Override
  protected Parser createParser(String expression) {
    return new ExpressionParser(this, expression);
  }

  /** Converts as Python does. */
  private static final class PythonConversion extends TruthyTypeConverter {

    private static final long serialVersionUID = 1;

    @Override
    protected Boolean coerceToBoolean(@Nullable Object value) {
      return PythonObjects.isTrue(value);
    }

    @Override
    protected String coerceToString(@Nullable Object value) {
      return PythonObjects.text(value);
    }
  }

  private static final class ExpressionScanner extends ExtendedScanner {

    ExpressionScanner(String input) {
      super(input);
    }

    @Override
    protected Token nextEval() throws ScanException {
      return getInput().charAt(getPosition()) == '+' ? fixed(Symbol.PLUS) : super.nextEval();
    }
  }

  private static final class ExpressionParser extends ExtendedParser {

    private static final AstBinary.Operator AND = ExpressionParser::and;

    ExpressionParser(Builder builder, String expression) {
      super(builder, expression);
    }

    @Override
    protected Scanner createScanner(String expression) {
      return new ExpressionScanner(expression);
    }

    private static @Nullable Object and(
        Bindings bindings, ELContext context, AstNode left, AstNode right) {
      Object first = left.eval(bindings, context);
      return bindings.convert(first, Boolean.class) ? right.eval(bindings, context) : first;
    }

    @Override
    protected @Nullable AstNode and(boolean required) throws Scanner.ScanException, ParseException {
      AstNode left = not(required);
      while (left != null && getToken().getSymbol() == Symbol.AND) {
        consumeToken();
        left = createAstBinary(left, not(true), AND);
      }
      return left;
    }

    private AstNode not(boolean required) throws Scanner.ScanException, ParseException {
      if (getToken().getSymbol() != Symbol.NOT) {
        return eq(required);
      }
      consumeToken();
      return createAstUnary(not(true), AstUnary.NOT);
    }

    /** A name, literal or expression in parentheses, with attributes, calls and subscripts. */
    @Override
    protected @Nullable AstNode value() throws Scanner.ScanException, ParseException {
      AstNode name = nonliteral();
      AstNode value = name == null ? literal() : name;
      while (value != null) {
        switch (getToken().getSymbol()) {
          case DOT -> value = attribute(value, name != null);
          case LBRACK -> value = subscript(value, name != null);
          default -> {
            return value;
          }
        }
      }
      return null;
    }

    /** Refuses a filter or a test that there is none of, which the library takes for null. */
    @Override
    protected AstDot createAstDot(AstNode base, String property, boolean named) {
      if (base instanceof AstIdentifier identifier) {
        Context context = JinjavaInterpreter.getCurrent().getContext();
        String name = identifier.getName();
        checkKnown("filter", FILTER_PREFIX, name, context::getFilter);
        checkKnown("test", EXPTEST_PREFIX, name, context::getExpTest);
      }
      return super.createAstDot(base, property, named);
    }

    private static void checkKnown(
        String kind, String prefix, String name, Function<String, @Nullable Object> find) {
      if (name.startsWith(prefix) && find.apply(name.substring(prefix.length())) == null) {
        throw new ELException("no %s named '%s'".formatted(kind, name.substring(prefix.length())));
      }
    }

    /** Arguments of a call, or the items of a list. */
    @Override
    protected AstParameters params(Symbol left, Symbol right)
        throws Scanner.ScanException, ParseException {
      consumeToken(left);
      List<AstNode> parameters = new ArrayList<>();
      boolean more = true;
      while (more && getToken().getSymbol() != right) {
        parameters.add(parameter());
        more = getToken().getSymbol() == Symbol.COMMA;
        if (more) {
          consumeToken();
        }
      }
      consumeToken(right);
      return createAstParameters(parameters);
    }

    /** An expression, with a name in front where there is one. */
    private AstNode parameter() throws Scanner.ScanException, ParseException {
      if (!NamedParameterOperator.TOKEN.equals(lookahead(0))) {
        return expr(true);
      }
      AstIdentifier name = identifier(consumeToken(Symbol.IDENTIFIER).getImage());
      consumeToken();
      return new AstNamedParameter(name, expr(true));
    }

    private AstNode attribute(AstNode base, boolean named)
        throws Scanner.ScanException, ParseException {
      consumeToken(Symbol.DOT);
      AstDot attribute = createAstDot(base, consumeToken(Symbol.IDENTIFIER).getImage(), named);
      return getToken().getSymbol() == Symbol.LPAREN
          ? createAstMethod(attribute, params())
          : attribute;
    }

    private AstNode subscript(AstNode base, boolean named)
        throws Scanner.ScanException, ParseException {
      consumeToken(Symbol.LBRACK);
      AstNode first = expr(false);
      if (first != null && getToken().getSymbol() == Symbol.RBRACK) {
        consumeToken();
        return createAstBracket(base, first, named, true);
      }
      AstNode stop = nextOfSlice();
      AstNode step = nextOfSlice();
      consumeToken(Symbol.RBRACK);
      return slice(base, first == null ? new AstNull() : first, stop, step);
    }

    /** What follows a colon, null where there is neither. */
    private AstNode nextOfSlice() throws Scanner.ScanException, ParseException {
      if (getToken().getSymbol() != Symbol.COLON) {
        return new AstNull();
      }
      consumeToken();
      AstNode bound = expr(false);
      return bound == null ? new AstNull() : bound;
    }

    /** A slice is a call of a filter, because filters get any values as arguments. */
    private AstNode slice(AstNode base, AstNode start, AstNode stop, AstNode step) {
      AstDot filter = createAstDot(identifier(FILTER_PREFIX + JinjaFilter.SLICE), "filter", true);
      return createAstMethod(
          filter, createAstParameters(List.of(base, interpreter(), start, stop, step)));
    }
  }
}
