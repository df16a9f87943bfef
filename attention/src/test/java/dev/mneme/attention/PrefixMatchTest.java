package dev.mneme.attention;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixMatchTest {

  private static int next(String text, int least) {
    return PrefixMatch.next(text.chars().toArray(), text.length(), least);
  }

  @Test
  void isTheTokenBehindTheLongestOccurrenceOfTheLastTokens() {
    assertThat(next("abcX..bcY..abc", 2)).isEqualTo(3);
    assertThat(next("zbcX..bcY..abc", 2)).isEqualTo(8);
  }

  @Test
  void isTheLastOfEquallyLongOnes() {
    assertThat(next("abX.abY..ab", 2)).isEqualTo(6);
  }

  @Test
  void isNoneWhereTooFewTokensAreTheSame() {
    assertThat(next("abcX..bcY..abc", 4)).isEqualTo(PrefixMatch.NOTHING);
    assertThat(next("ab", 1)).isEqualTo(PrefixMatch.NOTHING);
    assertThat(next("", 1)).isEqualTo(PrefixMatch.NOTHING);
  }

  @Test
  void mayReachIntoTheLastTokens() {
    assertThat(next("ababab", 2)).isEqualTo(4);
  }

  @Test
  void hasRivalsThatFollowTheLastTokenToo() {
    int[] text = "5.1000.11100029..000".chars().toArray();
    int next = PrefixMatch.next(text, text.length, 3);
    assertThat(next).isEqualTo(13);
    assertThat(PrefixMatch.of(text, text.length, next, 3, 15).rivals().asList())
        .containsExactly(4, 5, 6, 11);
  }

  @Test
  void isTheOneThatComparingStringsFinds() {
    Random random = new Random(1);
    for (int round = 0; round < 2000; round++) {
      int[] text = random.ints(random.nextInt(60), 'a', 'a' + 2 + random.nextInt(3)).toArray();
      String string = new String(text, 0, text.length);
      int least = 1 + random.nextInt(4);
      int expected = PrefixMatch.NOTHING;
      for (int length = Math.min(32, text.length); length >= least && expected < 0; length--) {
        String last = string.substring(text.length - length);
        int at = string.lastIndexOf(last, text.length - length - 1);
        expected = at < 0 ? PrefixMatch.NOTHING : at + length;
      }
      assertThat(PrefixMatch.next(text, text.length, least))
          .as("%s, %s at least", string, least)
          .isEqualTo(expected);
    }
  }

  @Test
  void isFoundInAMillionTokensThatAreAlike() {
    int[] text = new int[1_000_000];
    assertThat(PrefixMatch.next(text, text.length, 1)).isEqualTo(999_999);
    Arrays.fill(text, 0, 500_000, 1);
    text[999_999] = 1;
    assertThat(PrefixMatch.next(text, text.length, 1)).isEqualTo(500_000);
  }
}
