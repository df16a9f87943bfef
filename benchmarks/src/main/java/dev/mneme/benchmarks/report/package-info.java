/** Reports of recall: tables with their uncertainty, pictures and a page of all of it. */
@NullMarked
package dev.mneme.benchmarks.report;

import org.jspecify.annotations.NullMarked;
