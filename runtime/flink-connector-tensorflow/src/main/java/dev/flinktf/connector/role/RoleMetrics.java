package dev.flinktf.connector.role;

import dev.flinktf.connector.arrow.ArrowBatch;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * What a subtask has sent to its role: {@code flinktf.rowsSent}, {@code flinktf.batchesSent}, {@code flinktf.bytesSent},
 * and {@code flinktf.sendMillis}, the time that sending took: nearly all of it is waiting for a slow role.
 */
public final class RoleMetrics {

    private static final long NANOS_PER_MILLI = 1_000_000;

    private final Counter rows;
    private final Counter batches;
    private final Counter bytes;
    private volatile long nanos;

    public RoleMetrics(MetricGroup parent) {
        MetricGroup group = parent.addGroup("flinktf");
        rows = group.counter("rowsSent");
        batches = group.counter("batchesSent");
        bytes = group.counter("bytesSent");
        group.gauge("sendMillis", () -> nanos / NANOS_PER_MILLI);
    }

    /** Counts a batch that is sent now; {@code started} is when sending began, as System.nanoTime says. */
    public void sent(ArrowBatch batch, long started) {
        rows.inc(batch.rows());
        batches.inc();
        bytes.inc(batch.length());
        nanos = nanos + System.nanoTime() - started;
    }
}
