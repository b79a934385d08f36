package dev.flinktf.connector.predict;

import dev.flinktf.connector.role.RoleFailedException;

import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.FlinkRuntimeException;

import java.io.Closeable;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One subtask's client of a model: a lane to each instance of the role, and a thread that looks at the clock.
 *
 * <p>Predictions have no side effects: a batch that was on its way when a connection ended is sent again, until its timeout.
 * What the model itself refuses fails at once, and with it everything else.
 */
final class PredictClient implements Closeable {

    private final PredictSpec spec;
    private final Directory directory;
    private final Batches batches;
    private final List<Lane> lanes;
    private final Thread watch;

    private PredictClient(PredictSpec spec, int[] features, Directory directory, PredictMetrics metrics) {
        this.spec = spec;
        this.directory = directory;
        batches = new Batches(spec, features, metrics);
        lanes =
                IntStream.range(0, spec.replicas())
                        .mapToObj(index -> new Lane(spec, index, directory, batches))
                        .toList();
        watch = thread(spec.role() + " watch", this::watch);
    }

    /** For rows that have just the columns that the model takes. */
    static PredictClient open(PredictSpec spec, MetricGroup metrics) throws RoleFailedException {
        return open(spec, IntStream.range(0, spec.input().getFieldCount()).toArray(), metrics);
    }

    /**
     * Returns at once; the model's processes are looked for meanwhile.
     *
     * @param features where the columns that the model takes are in the rows
     */
    static PredictClient open(PredictSpec spec, int[] features, MetricGroup metrics) throws RoleFailedException {
        PredictClient client = new PredictClient(spec, features, Directory.ofEnvironment(), new PredictMetrics(metrics));
        client.lanes.forEach(Lane::start);
        client.watch.start();
        return client;
    }

    static Thread thread(String name, Runnable body) {
        Thread thread = new Thread(body, "flinktf " + name);
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Adds a row, which is not kept, to a batch; blocks while the model does not keep up.
     *
     * @return the batch that the row is in; several rows have the same one
     */
    Batch append(RowData row) {
        try {
            return batches.append(row);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new FlinkRuntimeException("interrupted while waiting for the " + spec.model(), error);
        }
    }

    /** See {@link Batches#setBusy}. */
    void setBusy(boolean busy) {
        batches.setBusy(busy);
    }

    private void watch() {
        try {
            for (long left = batches.left(); left > 0; left = batches.left()) {
                TimeUnit.NANOSECONDS.sleep(left);
            }
            String situation = lanes.stream().map(Lane::situation).collect(Collectors.joining(", "));
            batches.fail(
                    new RoleFailedException(
                            String.format(
                                    "The %s has not answered within %s s ('timeout'): %s%s.",
                                    spec.model(), seconds(), situation, directory.problem())));
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    private String seconds() {
        return String.valueOf(spec.timeout().toMillis() / 1000.0).replaceFirst("\\.0$", "");
    }

    /** What has no answer yet gets none. */
    @Override
    public void close() {
        watch.interrupt();
        lanes.forEach(Lane::close);
    }
}
