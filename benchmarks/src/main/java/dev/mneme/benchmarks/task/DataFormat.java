package dev.mneme.benchmarks.task;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a line of a data set that a user brings means. Which one it is, its keys tell. */
enum DataFormat {
  /**
   * Our own: {@code id}, {@code context}, {@code question}, {@code answer_prefix}, {@code answers}
   * and {@code max_new_tokens}; {@code task} and {@code depth} may be given.
   */
  MNEME {
    @Override
    Sample sample(DataLine line, String file, int number) {
      return made(
          line.text("id"),
          line.text("task", file),
          line.text("context"),
          line.text("question"),
          line.text("answer_prefix"),
          line.texts("answers"),
          Scoring.CONTAINS_ANY,
          line.integer("max_new_tokens"),
          line.number("depth"));
    }
  },
  /** NVIDIA's kvpress: as ours, with {@code answer} for the answers and no id. */
  KVPRESS {
    @Override
    Sample sample(DataLine line, String file, int number) {
      return made(
          file + "-" + number,
          line.text("task", file),
          line.text("context"),
          line.text("question"),
          line.text("answer_prefix"),
          line.texts("answer"),
          Scoring.CONTAINS_ALL,
          line.integer("max_new_tokens"),
          null);
    }
  },
  /** Lost in the Middle's pairs: {@code ordered_kv_records}, {@code key} and {@code value}. */
  LOST_IN_THE_MIDDLE_PAIRS {
    @Override
    Sample sample(DataLine line, String file, int number) {
      List<String> pairs = new ArrayList<>();
      for (JsonNode pair : line.array("ordered_kv_records")) {
        pairs.add("\"%s\": \"%s\"".formatted(pair.path(0).asText(), pair.path(1).asText()));
      }
      return made(
          file + "-" + number,
          file,
          "Extract the value corresponding to the specified key in the JSON object below.\n\n"
              + "JSON data:\n{"
              + String.join(",\n ", pairs)
              + "}",
          "\n\nKey: \"" + line.text("key") + "\"\n",
          "Corresponding value:",
          List.of(line.text("value")),
          Scoring.CONTAINS_ALL,
          100,
          null);
    }
  },
  /** Lost in the Middle's questions: {@code question}, {@code answers} and {@code ctxs}. */
  LOST_IN_THE_MIDDLE_QUESTIONS {
    @Override
    Sample sample(DataLine line, String file, int number) {
      StringBuilder documents = new StringBuilder();
      for (JsonNode document : line.array("ctxs")) {
        documents
            .append(documents.isEmpty() ? "" : "\n")
            .append(
                "Document [%d](Title: %s) "
                    .formatted(
                        (int) documents.chars().filter(c -> c == '\n').count() + 1,
                        document.path("title").asText()))
            .append(document.path("text").asText().replace('\n', ' '));
      }
      return made(
          file + "-" + number,
          file,
          "Write a high-quality answer for the given question using only the provided search"
              + " results (some of which might be irrelevant).\n\n"
              + documents,
          "\n\nQuestion: " + line.text("question") + "\n",
          "Answer:",
          line.texts("answers"),
          Scoring.FIRST_LINE_CONTAINS_ANY,
          100,
          null);
    }
  },
  /**
   * LongBench: {@code context}, {@code input}, {@code answers} and {@code dataset}. Passage
   * retrieval is asked and judged as published; the other sets, whose published rules are F1 and
   * ROUGE, by containment, which their task's name says.
   */
  LONG_BENCH {
    @Override
    Sample sample(DataLine line, String file, int number) {
      boolean retrieval = line.text("dataset").startsWith("passage_retrieval");
      return made(
          line.text("_id", file + "-" + number),
          "longbench-" + line.text("dataset") + (retrieval ? "" : "-contains"),
          retrieval
              ? "Here are 30 paragraphs from Wikipedia, along with an abstract. Please determine"
                  + " which paragraph the abstract is from.\n\n"
                  + line.text("context")
              : line.text("context"),
          retrieval
              ? ("\n\nThe following is an abstract.\n\n%s\n\nPlease enter the number of the"
                      + " paragraph that the abstract is from. The answer format must be like"
                      + " \"Paragraph 1\", \"Paragraph 2\", etc.\n\n")
                  .formatted(line.text("input"))
              : "\n\n" + line.text("input") + "\n",
          retrieval ? "The answer is:" : "Answer:",
          line.texts("answers"),
          retrieval ? Scoring.SHARE_OF_NUMBERS : Scoring.FIRST_LINE_CONTAINS_ANY,
          64,
          null);
    }
  },
  /**
   * InfiniteBench: {@code context}, {@code input} and {@code answer}; the file names the task. Pass
   * keys, numbers and pairs are asked and judged as published; the others, whose published rules
   * differ, by containment, which their task's name says.
   */
  INFINITE_BENCH {
    @Override
    Sample sample(DataLine line, String file, int number) {
      String name = file.toLowerCase(Locale.ROOT);
      boolean pairs = name.contains("kv");
      boolean digits = name.contains("number");
      boolean key = name.contains("passkey");
      String intro =
          pairs
              ? "Extract the value corresponding to the specified key in the JSON object below.\n\n"
              : digits || key
                  ? "There is an important info hidden inside a lot of irrelevant text. "
                      + (key ? "Find it and memorize it." : "Find it.")
                      + " I will quiz you about the important information.\n\n"
                  : "";
      return made(
          "%s-%s".formatted(file, line.text("id", String.valueOf(number))),
          "infinitebench-" + file + (pairs || digits || key ? "" : "-contains"),
          intro + line.text("context"),
          "\n\n" + line.text("input"),
          key
              ? "\n\nThe pass key is"
              : digits ? "\n\nThe sequence of digits is" : pairs ? "" : "\nAnswer:",
          line.textsOrNumbers("answer"),
          pairs ? Scoring.WORD : digits || key ? Scoring.FIRST_NUMBER : Scoring.CONTAINS_ANY,
          pairs ? 50 : digits || key ? 16 : 64,
          null);
    }
  };

  /** The format of a line; our own where none fits, which then says what is missing. */
  static DataFormat of(DataLine line) {
    if (line.has("ordered_kv_records")) {
      return LOST_IN_THE_MIDDLE_PAIRS;
    }
    if (line.has("ctxs")) {
      return LOST_IN_THE_MIDDLE_QUESTIONS;
    }
    if (line.has("input") && line.has("dataset")) {
      return LONG_BENCH;
    }
    if (line.has("input") && line.has("answer")) {
      return INFINITE_BENCH;
    }
    return line.has("answer") && line.has("answer_prefix") ? KVPRESS : MNEME;
  }

  /**
   * Reads a line.
   *
   * @param file name of the file without its ending
   * @param number of the line, from 1
   * @throws IllegalArgumentException naming what is wrong with it
   */
  abstract Sample sample(DataLine line, String file, int number);

  private static Sample made(
      String id,
      String task,
      String context,
      String question,
      String answerPrefix,
      List<String> answers,
      Scoring scoring,
      int maxNewTokens,
      @Nullable Double depth) {
    return new Sample(
        id,
        task,
        new Prompt(context, needle(context, answers), question, answerPrefix, answers),
        scoring,
        maxNewTokens,
        depth);
  }

  /** Where the first of the answers that occurs in the context occurs first. */
  private static List<Span> needle(String context, List<String> answers) {
    for (String answer : answers) {
      int at = context.indexOf(answer);
      if (at >= 0) {
        return List.of(new Span(at, at + answer.length()));
      }
    }
    return List.of();
  }
}
