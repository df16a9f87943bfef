package dev.mneme.benchmarks.recall;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.mneme.benchmarks.task.Grid;
import dev.mneme.benchmarks.task.RecallTask;
import dev.mneme.benchmarks.task.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What is asked: every list is an axis, and every combination of their values is asked.
 *
 * @param tasks names of tasks
 * @param lengths tokens of a prompt, such as {@code 4k}
 * @param units sizes of the context in units of the task, in place of lengths where there are any
 * @param depths number of places of the needle, or a list of places from 0 to 1
 * @param repeats samples of each cell
 * @param seed chooses what is random
 * @param shared whether the depths of a length share their seed and their units, and with that the
 *     context of tasks that can ask for anything in it: it is then read once
 * @param modes what the model attends
 * @param settings values of configuration keys, by key
 */
record RecallPlan(
    List<String> tasks,
    List<String> lengths,
    List<Integer> units,
    List<Double> depths,
    int repeats,
    long seed,
    boolean shared,
    List<Mode> modes,
    Map<String, List<String>> settings) {

  RecallPlan {
    if (repeats < 1) {
      throw new IllegalArgumentException("repeats must be positive: " + repeats);
    }
  }

  /**
   * This plan with the keys of a YAML file set.
   *
   * @throws IOException if it cannot be read
   * @throws IllegalArgumentException if a key is unknown or a value is not what it should be
   */
  RecallPlan with(Path file) throws IOException {
    YAMLMapper mapper =
        YAMLMapper.builder()
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(DeserializationFeature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
            .build();
    try {
      ObjectNode tree = mapper.valueToTree(this);
      for (Map.Entry<String, JsonNode> entry :
          mapper.readTree(Files.readString(file)).properties()) {
        if (!tree.has(entry.getKey())) {
          throw new IllegalArgumentException(
              "%s: unknown key %s; known keys: %s"
                  .formatted(file, entry.getKey(), String.join(", ", names(tree))));
        }
        tree.set(entry.getKey(), entry.getValue());
      }
      return mapper.treeToValue(tree, RecallPlan.class);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(file + ": " + e.getOriginalMessage(), e);
    }
  }

  private static List<String> names(ObjectNode tree) {
    return tree.propertyStream().map(Map.Entry::getKey).toList();
  }

  /** Every combination of settings; one empty list where there are none. */
  List<List<String>> variants() {
    List<List<String>> variants = List.of(List.of());
    for (Map.Entry<String, List<String>> axis : settings.entrySet()) {
      List<List<String>> longer = new ArrayList<>();
      for (List<String> variant : variants) {
        for (String value : axis.getValue()) {
          List<String> more = new ArrayList<>(variant);
          more.add(axis.getKey() + "=" + value);
          longer.add(more);
        }
      }
      variants = longer;
    }
    return variants;
  }

  /** All samples, those that share a context one after the other. */
  List<Sample> samples(Function<String, RecallTask> task) {
    List<Sample> samples = new ArrayList<>();
    for (String name : tasks) {
      RecallTask asked = task.apply(name);
      int number = 0;
      if (units.isEmpty()) {
        for (int length : Grid.lengths(String.join(",", lengths))) {
          number = cell(samples, number, (places, seed) -> asked.samples(length, places, seed));
        }
      } else {
        for (int count : units) {
          number =
              cell(
                  samples,
                  number,
                  (places, seed) ->
                      places.stream().map(depth -> asked.ofUnits(count, depth, seed)).toList());
        }
      }
    }
    return samples;
  }

  private interface Maker {
    List<Sample> make(List<Double> depths, long seed);
  }

  /** The samples of one size; returns the number of the next one. */
  private int cell(List<Sample> samples, int number, Maker maker) {
    int next = number;
    for (int repeat = 0; repeat < repeats; repeat++) {
      if (shared) {
        samples.addAll(maker.make(places(), seed + next));
        next += places().size();
      } else {
        for (double depth : places()) {
          samples.addAll(maker.make(List.of(depth), seed + next));
          next++;
        }
      }
    }
    return next;
  }

  private List<Double> places() {
    boolean count = depths.size() == 1 && depths.getFirst() >= 1;
    return count ? Grid.depths(depths.getFirst().intValue()) : depths;
  }
}
