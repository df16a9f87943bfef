package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixMatchTest {

  private static int next(String text, int from, int to, int least) {
    return PrefixMatch.next(text.chars().toArray(), text.length(), from, to, least);
  }

  @Test
  void isTheTokenBehindTheLongestOccurrenceOfTheLastTokens() {
    assertThat(next("abcX..bcY..abc", 0, 11, 2)).isEqualTo(3);
    assertThat(next("zbcX..bcY..abc", 0, 11, 2)).isEqualTo(8);
    assertThat(next("abcX..bcY..abc", 4, 11, 2)).isEqualTo(8);
  }

  @Test
  void isTheLastOfEquallyLongOnes() {
    assertThat(next("abX.abY..ab", 0, 9, 2)).isEqualTo(6);
  }

  @Test
  void isNoneWhereTooFewTokensAreTheSame() {
    assertThat(next("abcX..bcY..abc", 0, 11, 4)).isEqualTo(PrefixMatch.NONE);
    assertThat(next("abX..ab", 0, 2, 2)).isEqualTo(PrefixMatch.NONE);
    assertThat(next("ab", 0, 0, 1)).isEqualTo(PrefixMatch.NONE);
  }

  @Test
  void maySpanTheFirstTokenLookedAt() {
    assertThat(next("abcX..abc", 3, 6, 3)).isEqualTo(3);
  }

  @Test
  void isTheOneThatComparingStringsFinds() {
    Random random = new Random(1);
    for (int round = 0; round < 2000; round++) {
      int[] text = random.ints(2 + random.nextInt(60), 'a', 'a' + 2 + random.nextInt(3)).toArray();
      String string = new String(text, 0, text.length);
      int least = 1 + random.nextInt(4);
      int to = random.nextInt(text.length);
      int from = random.nextInt(to + 1);
      int expected = PrefixMatch.NONE;
      for (int length = Math.min(32, text.length); length >= least && expected < 0; length--) {
        String last = string.substring(text.length - length);
        for (int token = Math.max(from, length); token < to; token++) {
          if (string.startsWith(last, token - length)) {
            expected = token;
          }
        }
      }
      assertThat(PrefixMatch.next(text, text.length, from, to, least))
          .as("%s from %s to %s, %s at least", string, from, to, least)
          .isEqualTo(expected);
    }
  }

  @Test
  void aTextOfOneTokenTakesNoSquareOfItsLength() {
    int[] text = new int[1_000_000];
    assertThat(PrefixMatch.next(text, text.length, 0, 999_000, 1)).isEqualTo(998_999);
    Arrays.fill(text, 0, 999_000, 1);
    assertThat(PrefixMatch.next(text, text.length, 0, 999_000, 1)).isEqualTo(PrefixMatch.NONE);
  }
}
