package dev.mneme.attention;

/** What a session's time goes into while it reads. */
public enum Stage {
  /** The model's own segments. */
  SEGMENTS,
  /** Preparing a chunk: masks, positions, the search by words and memory for new blocks. */
  PLAN,
  /** Choosing blocks by their keys. */
  CHOICE,
  /** Bringing chosen blocks, and tokens that leave the window, to their places. */
  FAR,
  /** Taking keys and values into the window and rotating queries. */
  WINDOW,
  /** Attention over the working set. */
  ATTENTION,
  /** Handing on the output and counting what each token was attended. */
  OUTPUT,
  /** Turning the oldest tokens into blocks. */
  BLOCKS
}
