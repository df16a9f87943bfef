/** Selection: which far blocks a query block attends. */
@NullMarked
package dev.mneme.attention.selection;

import org.jspecify.annotations.NullMarked;
