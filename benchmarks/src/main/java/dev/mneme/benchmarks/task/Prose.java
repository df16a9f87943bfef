package dev.mneme.benchmarks.task;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * A running text to hide sentences in, blanks collapsed, repeated where it is too short.
 * Thread-safe.
 */
public final class Prose {

  private static final int BUILT_IN_SEED = 1;
  private static final int CHARACTERS_A_WORD = 6;

  /** Sentences of {@link VariedText}, which no model has read before. */
  public static final Prose BUILT_IN =
      new Prose(words -> words(VariedText.prose(BUILT_IN_SEED, words * CHARACTERS_A_WORD)));

  private final IntFunction<List<String>> source;
  private List<String> words = List.of();

  /** Words of a text that is at least so many words long, or as long as it is. */
  private Prose(IntFunction<List<String>> source) {
    this.source = source;
  }

  /**
   * The text of a file, or of all files of a folder whose names end in {@code .txt}, by name.
   *
   * @throws IOException if there is no such text, or it is empty or not UTF-8
   */
  public static Prose read(Path path) throws IOException {
    List<Path> files = List.of(path);
    if (Files.isDirectory(path)) {
      try (Stream<Path> listed = Files.list(path)) {
        files = listed.filter(file -> file.toString().endsWith(".txt")).sorted().toList();
      }
    }
    List<String> words = new ArrayList<>();
    for (Path file : files) {
      words.addAll(words(Files.readString(file)));
    }
    if (words.isEmpty()) {
      throw new IOException(path + ": holds no text");
    }
    return new Prose(ignored -> words);
  }

  private static List<String> words(String text) {
    return Arrays.asList(text.strip().split("\\s+"));
  }

  /** The first words, with a blank between any two. */
  private synchronized String first(int count) {
    if (words.size() < count) {
      words = source.apply(count);
      while (words.size() < count) {
        List<String> longer = new ArrayList<>(words);
        longer.addAll(words);
        words = longer;
      }
    }
    return String.join(" ", words.subList(0, count));
  }

  /** The first words, or all of a text that has fewer. */
  public synchronized String atMost(int count) {
    List<String> all = source.apply(count);
    return String.join(" ", all.subList(0, Math.min(count, all.size())));
  }

  /** The sentences that the first words are; the last one may be cut short. */
  List<String> sentences(int words) {
    String text = first(words);
    BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.ENGLISH);
    breaks.setText(text);
    List<String> sentences = new ArrayList<>();
    int from = breaks.first();
    for (int to = breaks.next(); to != BreakIterator.DONE; to = breaks.next()) {
      sentences.add(text.substring(from, to).strip());
      from = to;
    }
    return sentences;
  }
}
