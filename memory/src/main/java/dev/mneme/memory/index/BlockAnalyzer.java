package dev.mneme.memory.index;

import static org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS;
import static org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter.GENERATE_WORD_PARTS;
import static org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter.PRESERVE_ORIGINAL;
import static org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter.SPLIT_ON_CASE_CHANGE;

import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.standard.StandardTokenizer;

/**
 * The words of a block of text: prose of any language, and what is looked up by its exact letters.
 *
 * <p>Words end where Unicode says so (UAX #29), which takes apart the five groups of a UUID and the
 * ideographs of Chinese, and keeps {@code 550e8400} together: a change from digits to letters ends
 * nothing, as groups of two or three hexadecimal digits would be in every block. The groups are
 * what should match: a block border may run through a key, and the block with most of its groups is
 * then still the best.
 *
 * <p>What Unicode keeps together at an underscore, dot, colon or apostrophe, and words in camel
 * case, count both as a whole and in parts: {@code maxTokens} is found by "tokens" as well, and
 * best by itself. Letters are lower case. There are no stop words, which BM25 weighs down by itself
 * and which may be the subject ("who", "will", "it"), and no stemming, which would have to know the
 * language and would change identifiers.
 */
final class BlockAnalyzer extends Analyzer {

  private static final int PARTS =
      GENERATE_WORD_PARTS | GENERATE_NUMBER_PARTS | PRESERVE_ORIGINAL | SPLIT_ON_CASE_CHANGE;

  @Override
  protected TokenStreamComponents createComponents(String field) {
    Tokenizer words = new StandardTokenizer();
    return new TokenStreamComponents(
        words, new LowerCaseFilter(new WordDelimiterGraphFilter(words, PARTS, null)));
  }
}
