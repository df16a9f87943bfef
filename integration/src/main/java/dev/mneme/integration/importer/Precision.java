package dev.mneme.integration.importer;

/** In what precision the weight matrices of an imported model are kept. */
public enum Precision {
  /** 32-bit floats, the values of the source exactly. */
  FP32,
  /** 8-bit integers in blocks of 32 with a scale each, head and embedding included. */
  INT8,
  /** 4-bit integers in blocks of 32 with a scale and an offset each; head and embedding 8-bit. */
  INT4
}
