package dev.mneme;

import dev.mneme.integration.generation.GenerationOptions;
import dev.mneme.integration.generation.Sampler;
import dev.mneme.integration.generation.StopStrings;
import dev.mneme.integration.text.Tokenizer;
import dev.mneme.integration.text.Utf8Stream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A text being generated, piece by piece: each {@link #next()} computes as many tokens as it takes
 * to give out text. Characters are whole, and no part of a stop string appears.
 *
 * <p>Iterated by one thread; {@link #cancel()} may come from another.
 */
public final class Generation implements Iterator<String> {

  /** Why a generation ended. */
  public enum Finish {
    /** The model ended the text. */
    END_TOKEN,
    /** A stop string was found. */
    STOP_STRING,
    /** {@code maxTokens} were generated. */
    MAX_TOKENS,
    /** It was cancelled. */
    CANCELLED
  }

  private final MnemeSession session;
  private final GenerationOptions options;
  private final Set<Integer> stopTokens;
  private final Sampler sampler;
  private final Utf8Stream stream;
  private final StopStrings stops;
  private final @Nullable TraceRecorder trace;
  private final List<Integer> tokens = new ArrayList<>();
  private volatile boolean cancelled;
  private @Nullable Finish finish;
  private String piece = "";

  Generation(MnemeSession session, Tokenizer tokenizer, GenerationOptions options) {
    this.session = session;
    this.options = options;
    stopTokens = options.stopTokens().orElseGet(tokenizer::endTokens);
    sampler = new Sampler(options, session.vocabularySize());
    stream = new Utf8Stream(tokenizer);
    stops = new StopStrings(options.stopStrings());
    trace = options.trace() ? session.newTrace() : null;
  }

  @Override
  public boolean hasNext() {
    while (piece.isEmpty() && finish == null) {
      step();
    }
    return !piece.isEmpty();
  }

  @Override
  public String next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the generation has ended: " + finish);
    }
    String text = piece;
    piece = "";
    return text;
  }

  private void step() {
    if (cancelled) {
      end(Finish.CANCELLED);
      return;
    }
    if (tokens.size() == options.maxTokens()) {
      end(Finish.MAX_TOKENS);
      return;
    }
    int token = session.generate(sampler, stopTokens, trace);
    if (stopTokens.contains(token)) {
      end(Finish.END_TOKEN);
      return;
    }
    tokens.add(token);
    piece = stops.push(stream.push(token));
    if (stops.stopped()) {
      finish = Finish.STOP_STRING;
    }
  }

  private void end(Finish reason) {
    finish = reason;
    piece = stops.push(stream.flush()) + stops.flush();
  }

  /** Everything that is still to come, as one text. */
  public String rest() {
    StringBuilder text = new StringBuilder();
    forEachRemaining(text::append);
    return text.toString();
  }

  /** Ends the generation before its next token. */
  public void cancel() {
    cancelled = true;
  }

  /** The tokens generated so far, without the one that ended the text. */
  public List<Integer> tokens() {
    return List.copyOf(tokens);
  }

  /**
   * What the tokens generated so far were read from. It has a step for each of {@link #tokens()}.
   *
   * @throws IllegalStateException if {@link GenerationOptions#trace()} was not asked for
   */
  public Trace trace() {
    if (trace == null) {
      throw new IllegalStateException("no trace was kept: GenerationOptions.trace is false");
    }
    return trace.trace();
  }

  /** Why it ended, or null while it has not. */
  public @Nullable Finish finish() {
    return finish;
  }
}
