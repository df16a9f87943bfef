/** Attention kernels that run as small generated graphs on ONNX Runtime. */
@NullMarked
package dev.mneme.attention.onnx;

import org.jspecify.annotations.NullMarked;
