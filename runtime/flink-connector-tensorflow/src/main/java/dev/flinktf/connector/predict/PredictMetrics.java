package dev.flinktf.connector.predict;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;

/**
 * What one client has asked: {@code flinktf.rowsPredicted}, {@code flinktf.batchesPredicted}, {@code flinktf.batchesRetried},
 * {@code flinktf.rowsOnTheirWay}, and {@code flinktf.batchMicros}, from a batch's first row to its answer. Guarded by the
 * {@link Batches} that it counts.
 */
final class PredictMetrics {

    private static final int SAMPLES = 1000;
    private static final long NANOS_PER_MICRO = 1_000;

    private final Counter rows;
    private final Counter batches;
    private final Counter retried;
    private final Histogram micros;
    private volatile long onTheirWay;

    PredictMetrics(MetricGroup parent) {
        MetricGroup group = parent.addGroup("flinktf");
        rows = group.counter("rowsPredicted");
        batches = group.counter("batchesPredicted");
        retried = group.counter("batchesRetried");
        micros = group.histogram("batchMicros", new DescriptiveStatisticsHistogram(SAMPLES));
        group.gauge("rowsOnTheirWay", () -> onTheirWay);
    }

    void leaves(int count) {
        onTheirWay = onTheirWay + count;
    }

    void answered(int count, long began) {
        onTheirWay = onTheirWay - count;
        rows.inc(count);
        batches.inc();
        micros.update((System.nanoTime() - began) / NANOS_PER_MICRO);
    }

    void again(int count) {
        retried.inc(count);
    }
}
