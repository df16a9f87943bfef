package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.util.List;

/**
 * The part of a model between two attention layers, which treats every token by itself.
 *
 * <p>Segment 0 takes the token ids and ends at the queries, keys and values of layer 0. Segment
 * {@code i} takes the output of layer {@code i - 1}'s attention and ends at the queries, keys and
 * values of layer {@code i}, or at the logits if it is the last. Besides those, segments hand on
 * <em>carried</em> tensors, the residual stream above all: an input of a segment that is not {@link
 * AttentionLayer#output()} of the layer before is an output of the same name of an earlier segment,
 * not always the one just before.
 *
 * <p>Rows are independent: any subset of the tokens, in any order, gives the same rows.
 *
 * @param index 0 to the number of layers, inclusive
 * @param model a whole ONNX model; its weights are those of the original, by reference to the
 *     external data files in {@link ModelGraph#folder()}, which ONNX Runtime finds when the
 *     session's configuration entry {@code session.model_external_initializers_file_folder_path}
 *     names that folder
 * @param inputs the token ids, or the attention's output first and the carried tensors after it
 * @param outputs the tensors of {@link AttentionLayer#projection()} first (the logits in the last
 *     segment), then the carried tensors
 */
public record Segment(
    int index, ModelProto model, List<TensorSpec> inputs, List<TensorSpec> outputs) {

  /** Copies the lists. */
  public Segment {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }
}
