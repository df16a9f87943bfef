package dev.mneme.integration.jinja;

import com.google.common.base.Splitter;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateSyntaxException;
import com.hubspot.jinjava.lib.tag.ElseTag;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.util.ForLoop;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/**
 * The tag {@code for}: what an iteration sets ends with it, items can be left out by an {@code if},
 * and an {@code else} is for no items.
 */
final class LoopTag implements Tag {

  private static final long serialVersionUID = 1;

  private static final Pattern HEAD =
      Pattern.compile("\\s*\\(?([\\w\\s,]+?)\\)?\\s+in\\s(.+)", Pattern.DOTALL);

  private static final Pattern IF = Pattern.compile("\\sif\\s");

  private static final Splitter NAMES = Splitter.on(',').trimResults();

  @Override
  public String getName() {
    return ForTag.TAG_NAME;
  }

  @Override
  public String interpret(TagNode node, JinjavaInterpreter interpreter) {
    Head head = Head.of(node, interpreter);
    List<@Nullable Object> items = head.items(interpreter);
    List<Node> body = new ArrayList<>(node.getChildren());
    List<Node> none = List.of();
    for (int at = 0; at < body.size(); at++) {
      if (body.get(at) instanceof TagNode tag && tag.getTag() instanceof ElseTag) {
        none = body.subList(at + 1, body.size());
        body = body.subList(0, at);
      }
    }
    StringBuilder text = new StringBuilder();
    if (items.isEmpty()) {
      none.forEach(child -> text.append(child.render(interpreter)));
    }
    Loop loop = new Loop(items);
    while (loop.hasNext()) {
      Object item = loop.next();
      interpreter.enterScope();
      try {
        interpreter.getContext().put(ForTag.LOOP, loop);
        head.bind(item, interpreter);
        iterate(body, loop, interpreter, text);
      } finally {
        interpreter.leaveScope();
      }
    }
    return text.toString();
  }

  private static void iterate(
      List<Node> body, ForLoop loop, JinjavaInterpreter interpreter, StringBuilder text) {
    for (Node child : body) {
      text.append(child.render(interpreter));
      if (loop.isContinued()) {
        return;
      }
    }
  }

  /**
   * What a loop says of itself.
   *
   * @param names of the variables that an item is given to
   * @param over the expression that has the items
   * @param filter the expression that an item is kept for, empty to keep all
   */
  private record Head(List<String> names, String over, String filter, TagNode node) {

    static Head of(TagNode node, JinjavaInterpreter interpreter) {
      Matcher head = HEAD.matcher(node.getHelpers());
      if (!head.matches()) {
        throw new TemplateSyntaxException(
            interpreter, node.getMaster().getImage(), "expected: for NAME in ITEMS");
      }
      String over = head.group(2);
      int filter = filter(over);
      return new Head(
          NAMES.splitToList(head.group(1)),
          over.substring(0, filter),
          filter == over.length() ? "" : over.substring(filter + 2),
          node);
    }

    /** Where the {@code if} is that is in no string and no brackets, or else the end. */
    private static int filter(String over) {
      int depth = 0;
      char quote = 0;
      for (int at = 0; at < over.length(); at++) {
        char character = over.charAt(at);
        if (quote != 0) {
          at += character == '\\' ? 1 : 0;
          quote = character == quote ? 0 : quote;
        } else if (character == '\'' || character == '"') {
          quote = character;
        } else if ("([{".indexOf(character) >= 0) {
          depth++;
        } else if (")]}".indexOf(character) >= 0) {
          depth--;
        } else if (depth == 0 && IF.matcher(over).region(at, over.length()).lookingAt()) {
          return at + 1;
        }
      }
      return over.length();
    }

    List<@Nullable Object> items(JinjavaInterpreter interpreter) {
      List<@Nullable Object> items =
          items(interpreter.resolveELExpression(over, node.getLineNumber()), interpreter);
      if (!filter.isEmpty()) {
        items.removeIf(item -> !isKept(item, interpreter));
      }
      return items;
    }

    private List<@Nullable Object> items(@Nullable Object value, JinjavaInterpreter interpreter) {
      try {
        return PythonObjects.items(value);
      } catch (ELException e) {
        throw error(interpreter, Objects.toString(e.getMessage()));
      }
    }

    private TemplateSyntaxException error(JinjavaInterpreter interpreter, String message) {
      return new TemplateSyntaxException(interpreter, node.getMaster().getImage(), message);
    }

    private boolean isKept(@Nullable Object item, JinjavaInterpreter interpreter) {
      interpreter.enterScope();
      try {
        bind(item, interpreter);
        return PythonObjects.isTrue(interpreter.resolveELExpression(filter, node.getLineNumber()));
      } finally {
        interpreter.leaveScope();
      }
    }

    void bind(@Nullable Object item, JinjavaInterpreter interpreter) {
      Context context = interpreter.getContext();
      List<@Nullable Object> values =
          names.size() == 1 ? Collections.singletonList(item) : items(item, interpreter);
      if (values.size() != names.size()) {
        throw error(interpreter, "%d values for %d names".formatted(values.size(), names.size()));
      }
      for (int at = 0; at < values.size(); at++) {
        context.put(names.get(at), interpreter.wrap(values.get(at)));
      }
    }
  }

  /** The variable {@code loop}. */
  static final class Loop extends ForLoop {

    private final List<@Nullable Object> items;

    Loop(List<@Nullable Object> items) {
      super(items.iterator(), items.size());
      this.items = items;
    }

    @Nullable Object variable(String name) {
      return switch (name) {
        case "index" -> getIndex();
        case "index0" -> getIndex0();
        case "revindex" -> items.size() - getIndex0();
        case "revindex0" -> items.size() - getIndex();
        case "length" -> items.size();
        case "first" -> getIndex0() == 0;
        case "last" -> getIndex() == items.size();
        case "previtem" -> item(getIndex0() - 1);
        case "nextitem" -> item(getIndex());
        default -> null;
      };
    }

    private @Nullable Object item(int at) {
      return at >= 0 && at < items.size() ? items.get(at) : null;
    }
  }
}
