package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/**
 * An input of the uncut graph beside the token ids and the caches: numbers about the tokens, which
 * only attention reads.
 *
 * @param name the input's name
 * @param type element type
 * @param rank number of axes, of which all but the last are 1 for one sequence
 * @param meaning what the numbers say, as told by who reads them and not by the name
 */
public record ModelInput(String name, DataType type, int rank, Meaning meaning) {

  /** What numbers say. */
  public enum Meaning {
    /** 1 for each token that was read and is read now, as none is left out. */
    MASK,
    /** Positions, from 0, of the tokens that are read now. */
    POSITIONS,
    /** Position of the last token that is read now. */
    LAST_POSITION,
    /** How many tokens were read and are read now. */
    TOTAL
  }
}
