/** The demonstration: a model answers about something far outside its window. */
@NullMarked
package dev.mneme.benchmarks.demo;

import org.jspecify.annotations.NullMarked;
