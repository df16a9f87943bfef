package dev.mneme.integration.jinja;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.IfTag;
import com.hubspot.jinjava.tree.TagNode;

/** The tag {@code if} with Python's truth. */
final class ConditionTag extends IfTag {

  private static final long serialVersionUID = 1;

  @Override
  public boolean isPositiveIfElseNode(TagNode node, JinjavaInterpreter interpreter) {
    return PythonObjects.isTrue(
        interpreter.resolveELExpression(
            node.getHelpers(), node.getLineNumber(), node.getStartPosition()));
  }
}
