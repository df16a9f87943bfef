/**
 * Makes ONNX model folders out of GGUF files, and fetches the models known by name.
 *
 * <p>{@link dev.mneme.integration.importer.ModelLibrary} is the entry: it turns a name or a path
 * into a model on disk and keeps what it made in a cache folder. {@link
 * dev.mneme.integration.importer.GgufImporter} is the conversion alone. Nothing here prints; work
 * that takes long reports to a {@link dev.mneme.integration.importer.Progress}.
 */
@NullMarked
package dev.mneme.integration.importer;

import org.jspecify.annotations.NullMarked;
