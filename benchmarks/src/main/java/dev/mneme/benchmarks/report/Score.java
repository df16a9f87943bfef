package dev.mneme.benchmarks.report;

import com.google.common.collect.Lists;
import com.google.common.math.Quantiles;
import dev.mneme.benchmarks.task.RecallRow;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * What came of several samples.
 *
 * @param samples their number
 * @param mean score, from 0 to 1
 * @param hits samples that were answered altogether
 * @param found mean share of layers that saw the needle; empty where it is not known
 * @param prefill median tokens/s of reading a prompt
 * @param decode median milliseconds per generated token
 * @param peakBytes most resident bytes
 */
public record Score(
    int samples,
    double mean,
    int hits,
    OptionalDouble found,
    double prefill,
    double decode,
    long peakBytes) {

  /** Sums rows up, at least one. */
  public static Score of(List<RecallRow> rows) {
    return new Score(
        rows.size(),
        rows.stream().mapToDouble(RecallRow::score).average().orElseThrow(),
        (int) rows.stream().filter(RecallRow::isHit).count(),
        rows.stream()
            .map(RecallRow::needleFoundShare)
            .filter(Objects::nonNull)
            .mapToDouble(Double::doubleValue)
            .average(),
        Quantiles.median().compute(Lists.transform(rows, RecallRow::prefillTokensPerSecond)),
        Quantiles.median().compute(Lists.transform(rows, RecallRow::decodeMsPerToken)),
        rows.stream().mapToLong(RecallRow::peakResidentBytes).max().orElseThrow());
  }

  /** Where the true share of hits lies. */
  public Wilson interval() {
    return Wilson.of(hits, samples);
  }
}
