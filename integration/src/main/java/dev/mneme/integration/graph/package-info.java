/** Reads ONNX graphs and cuts them at their attention. */
@NullMarked
package dev.mneme.integration.graph;

import org.jspecify.annotations.NullMarked;
