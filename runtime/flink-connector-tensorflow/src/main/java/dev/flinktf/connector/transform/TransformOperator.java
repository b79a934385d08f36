package dev.flinktf.connector.transform;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.protocol.Saved;
import dev.flinktf.connector.role.RoleConnection;
import dev.flinktf.connector.role.RoleEvents;
import dev.flinktf.connector.role.RoleFailedException;
import dev.flinktf.connector.role.RoleMetrics;
import dev.flinktf.connector.role.RoleSpec;
import dev.flinktf.connector.role.SavedState;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.IOUtils;
import org.apache.flink.util.function.ThrowingRunnable;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;

/**
 * Sends batches through a role and emits what it answers, in order.
 *
 * <p>A role that is blocked because its results are not taken does not read either: so the task's thread must never
 * block on sending. A sender thread does, behind a short queue; while the queue is full the task's thread runs the mails
 * that the reader thread posts, and each of them emits one result. At most {@link #RESULTS} of these are waiting: then the
 * reader stops, and the socket holds the role back.
 */
final class TransformOperator extends AbstractStreamOperator<ArrowBatch>
        implements OneInputStreamOperator<ArrowBatch, ArrowBatch>, BoundedOneInput, RoleEvents {

    private static final long serialVersionUID = 1L;

    private static final int QUEUED = 4;
    private static final int RESULTS = 4;

    private final transient MailboxExecutor mailbox;
    private final RoleSpec spec;

    private transient int index;
    private transient BlockingQueue<Send> queue;
    private transient Semaphore results;
    private transient Thread sender;
    private transient RoleConnection connection;
    private transient RoleMetrics roleMetrics;

    // Only the task's thread touches these.
    private transient SavedState state;
    private transient boolean done;
    private transient boolean sawLastWatermark;

    private interface Send {
        void to(RoleConnection connection) throws IOException;
    }

    TransformOperator(StreamOperatorParameters<ArrowBatch> parameters, RoleSpec spec) {
        super(parameters);
        this.mailbox = parameters.getMailboxExecutor();
        this.spec = spec;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        index = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        state = SavedState.of(context.getOperatorStateStore(), index);
    }

    /** Returns when the role's TensorFlow cluster has formed. */
    @Override
    public void open() throws Exception {
        super.open();
        queue = new ArrayBlockingQueue<>(QUEUED);
        results = new Semaphore(RESULTS);
        roleMetrics = new RoleMetrics(getMetricGroup());
        connection =
                RoleConnection.open(
                        spec.hello(getMetricGroup(), index, state.saved()), spec.connectTimeout(), getMetricGroup(), this);
        connection.awaitReady();
        sender = new Thread(this::sendQueued, "flinktf " + spec.role() + "-" + index + " sender");
        sender.setDaemon(true);
        sender.start();
    }

    @Override
    public void processElement(StreamRecord<ArrowBatch> element) throws Exception {
        ArrowBatch batch = element.getValue();
        enqueue(
                role -> {
                    long started = System.nanoTime();
                    role.send(batch);
                    roleMetrics.sent(batch, started);
                });
    }

    /** Everything that came before the barrier is answered and emitted before the barrier goes on. */
    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        enqueue(role -> role.sendBarrier(checkpointId));
        while (!done && !state.hasAnswer(checkpointId)) {
            mailbox.yield();
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        state.snapshot(context.getCheckpointId());
    }

    @Override
    public void endInput() throws Exception {
        enqueue(RoleConnection::sendEnd);
        while (!done) {
            mailbox.yield();
        }
        if (sawLastWatermark) {
            super.processWatermark(Watermark.MAX_WATERMARK);
        }
    }

    /** Results that are still on their way must not become late: event time begins anew behind a transform. */
    @Override
    public void processWatermark(Watermark watermark) {
        sawLastWatermark |= watermark.equals(Watermark.MAX_WATERMARK);
    }

    private void enqueue(Send send) throws InterruptedException {
        while (!done && !queue.offer(send)) {
            mailbox.yield();
        }
    }

    private void sendQueued() {
        try {
            while (true) {
                Send next = queue.take();
                // Wakes the task's thread, which may wait for room in the queue.
                mail(() -> {}, "room to send");
                next.to(connection);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        } catch (IOException error) {
            fail(error);
        }
    }

    @Override
    public void result(byte[] message) throws InterruptedException {
        results.acquire();
        mail(
                () -> {
                    results.release();
                    output.collect(new StreamRecord<>(ArrowBatch.of(index, ArrowBatch.UNKNOWN_ROWS, message)));
                },
                "result");
    }

    @Override
    public void saved(Saved told) {
        mail(() -> state.answered(told), "saved");
    }

    @Override
    public void done() {
        mail(() -> done = true, "done");
    }

    @Override
    public void failed(RoleFailedException failure) {
        fail(failure);
    }

    private void fail(IOException error) {
        mail(
                () -> {
                    throw error;
                },
                "role failed");
    }

    private void mail(ThrowingRunnable<? extends Exception> mail, String what) {
        try {
            mailbox.execute(mail, what);
        } catch (RejectedExecutionException ended) {
            // The task is over.
        }
    }

    @Override
    public void close() throws Exception {
        if (sender != null) {
            sender.interrupt();
        }
        IOUtils.closeQuietly(connection);
        super.close();
    }
}
