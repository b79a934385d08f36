package dev.flinktf.connector.predict;

import dev.flinktf.connector.arrow.ArrowDecoder;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.IOUtils;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/**
 * Emits each row with its prediction behind it, a batch at a time and in order. What ML_PREDICT does, without a future for each
 * row.
 *
 * <p>A checkpoint waits for what is on its way: there is no state.
 */
final class PredictOperator extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData>, BoundedOneInput {

    private static final long serialVersionUID = 1L;

    private final transient MailboxExecutor mailbox;
    private final PredictSpec spec;
    /** The positions of the columns that the model takes. */
    private final int[] features;
    private final KeptColumns kept;

    private transient PredictClient client;
    private transient ArrowDecoder sent;
    // Each result is the same object: Flink copies what has to stay as it is.
    private transient JoinedRowData joined;
    private transient StreamRecord<RowData> result;
    // Only the task's thread touches this.
    private transient Deque<Pending> pending;

    /** A batch, and the watermark that came while it was the last one: it may follow when the batch is emitted. */
    private static final class Pending {
        private final Batch batch;
        private final KeptRows rows;
        private Watermark behind;

        Pending(Batch batch, KeptRows rows) {
            this.batch = batch;
            this.rows = rows;
        }
    }

    PredictOperator(StreamOperatorParameters<RowData> parameters, PredictSpec spec, int[] features, KeptColumns kept) {
        super(parameters);
        this.mailbox = parameters.getMailboxExecutor();
        this.spec = spec;
        this.features = features;
        this.kept = kept;
    }

    @Override
    public void open() throws Exception {
        super.open();
        sent = new ArrowDecoder(spec.input());
        joined = new JoinedRowData();
        result = new StreamRecord<>(null);
        pending = new ArrayDeque<>();
        client = PredictClient.open(spec, features, getMetricGroup());
    }

    @Override
    public void processElement(StreamRecord<RowData> element) {
        RowData row = element.getValue();
        if (row.getRowKind() != RowKind.INSERT) {
            throw new IllegalArgumentException(
                    "Rows are predicted that are inserted, and this stream has " + row.getRowKind()
                            + " rows: it is a changelog, not an append-only stream.");
        }
        Batch batch = client.append(row);
        if (pending.isEmpty() || pending.peekLast().batch != batch) {
            pending.add(new Pending(batch, new KeptRows(kept)));
            batch.outcome().whenComplete((rows, error) -> mail());
        }
        pending.peekLast().rows.add(element);
    }

    private void mail() {
        try {
            mailbox.execute(this::emit, "predictions");
        } catch (RejectedExecutionException ended) {
            // The task is over.
        }
    }

    /** Emits all that can be, in order. */
    private void emit() {
        client.setBusy(true);
        emitDone();
        client.setBusy(false);
    }

    private void emitDone() {
        while (!pending.isEmpty() && pending.peek().batch.outcome().isDone()) {
            Pending first = pending.poll();
            List<RowData> outputs = first.batch.outcome().join();
            first.rows.forEach(sent.read(first.batch.message()), (index, row, timestamp) -> {
                joined.replace(row, outputs.get(index));
                result.replace(joined, timestamp);
                if (timestamp == Long.MIN_VALUE) {
                    result.eraseTimestamp();
                }
                output.collect(result);
            });
            if (first.behind != null) {
                output.emitWatermark(first.behind);
            }
        }
    }

    @Override
    public void processWatermark(Watermark watermark) throws Exception {
        if (pending.isEmpty()) {
            super.processWatermark(watermark);
        } else {
            pending.peekLast().behind = watermark;
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        awaitAll();
    }

    @Override
    public void endInput() throws Exception {
        awaitAll();
    }

    private void awaitAll() throws InterruptedException {
        while (!pending.isEmpty()) {
            mailbox.yield();
        }
    }

    @Override
    public void close() throws Exception {
        IOUtils.closeQuietly(client);
        super.close();
    }
}
