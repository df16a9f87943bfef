/**
 * Recall tasks: prompts whose right answer is known, and the figures kept of each answer.
 *
 * <p>A {@link dev.mneme.benchmarks.task.RecallTask} makes samples, {@link
 * dev.mneme.benchmarks.task.JsonLines} reads them from a file; {@link
 * dev.mneme.benchmarks.task.RecallRow} is the result of one.
 */
@NullMarked
package dev.mneme.benchmarks.task;

import org.jspecify.annotations.NullMarked;
