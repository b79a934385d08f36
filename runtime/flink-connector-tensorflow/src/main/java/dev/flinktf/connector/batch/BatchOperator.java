package dev.flinktf.connector.batch;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowEncoder;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

/**
 * Turns rows into Arrow batches, one builder for each subtask of the role. Runs chained to the operator that makes the
 * rows; what it emits shares one array, so nothing may be chained behind it (a custom partitioner never is).
 *
 * <p>Batches are sent when they are full, when they have waited {@code batch.linger}, before every checkpoint barrier
 * and at the end of the input: there is no state.
 */
public final class BatchOperator extends AbstractStreamOperator<ArrowBatch>
        implements OneInputStreamOperator<RowData, ArrowBatch>, BoundedOneInput {

    private static final long serialVersionUID = 1L;

    private final RowType type;
    private final BatchOptions options;

    private transient ArrowEncoder[] encoders;
    private transient TargetSelector selector;

    public BatchOperator(RowType type, BatchOptions options) {
        this.type = type;
        this.options = options;
    }

    @Override
    public void open() throws Exception {
        super.open();
        ArrowEncoder.Output shared = new ArrowEncoder.Output();
        encoders = new ArrowEncoder[options.shares().length];
        for (int target = 0; target < encoders.length; target++) {
            encoders[target] = new ArrowEncoder(type, shared);
        }
        selector = new TargetSelector(options, type, getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
        scheduleTick();
    }

    @Override
    public void processElement(StreamRecord<RowData> element) {
        RowData row = element.getValue();
        if (row.getRowKind() != RowKind.INSERT) {
            throw new IllegalArgumentException(
                    "A role takes inserted rows only, and this stream has " + row.getRowKind()
                            + " rows: it is a changelog, not an append-only stream.");
        }
        if (options.toAll()) {
            for (int target = 0; target < encoders.length; target++) {
                append(row, target);
            }
        } else {
            append(row, selector.select(row));
        }
    }

    private void append(RowData row, int target) {
        ArrowEncoder encoder = encoders[target];
        encoder.append(row);
        if (encoder.rows() >= options.rows() || encoder.bytes() >= options.bytes()) {
            send(target);
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) {
        sendAll();
    }

    @Override
    public void endInput() {
        sendAll();
    }

    /** One recurring timer for all builders: a batch waits for at most one period, and a row costs nothing. */
    private void scheduleTick() {
        long next = getProcessingTimeService().getCurrentProcessingTime() + options.lingerMillis();
        getProcessingTimeService()
                .registerTimer(
                        next,
                        time -> {
                            sendAll();
                            scheduleTick();
                        });
    }

    private void sendAll() {
        for (int target = 0; target < encoders.length; target++) {
            if (encoders[target].rows() > 0) {
                send(target);
            }
        }
    }

    private void send(int target) {
        output.collect(new StreamRecord<>(encoders[target].encode(target)));
    }
}
