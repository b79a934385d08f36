package dev.flinktf.connector.sink;

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
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.IOUtils;

import java.io.InterruptedIOException;
import java.util.concurrent.RejectedExecutionException;

/**
 * Feeds a role. Its state is where the role saved its model for the last checkpoint.
 *
 * <p>Everything but the {@link RoleEvents} runs in the task's thread. It is no {@code Sink}: the writer of one cannot
 * decline a checkpoint without failing its task (see SavedSerializer).
 */
final class TrainingOperator extends AbstractStreamOperator<Void>
        implements OneInputStreamOperator<ArrowBatch, Void>, BoundedOneInput, RoleEvents {

    private static final long serialVersionUID = 1L;

    private static final long NONE = -1;

    private final transient MailboxExecutor mailbox;
    private final RoleSpec spec;

    private transient int index;
    private transient RoleConnection connection;
    private transient RoleMetrics roleMetrics;

    /** Guarded by this, as is what follows. */
    private transient SavedState state;

    /** The checkpoint whose SAVED is awaited, or {@link #NONE}. */
    private transient long barrier;

    private transient boolean done;
    private transient RoleFailedException failure;

    TrainingOperator(StreamOperatorParameters<Void> parameters, RoleSpec spec) {
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
        barrier = NONE;
        roleMetrics = new RoleMetrics(getMetricGroup());
        connection =
                RoleConnection.open(
                        spec.hello(getMetricGroup(), index, state.saved()), spec.connectTimeout(), getMetricGroup(), this);
        connection.awaitReady();
    }

    @Override
    public void processElement(StreamRecord<ArrowBatch> element) throws Exception {
        long started = System.nanoTime();
        connection.send(element.getValue());
        roleMetrics.sent(element.getValue(), started);
    }

    /** Waits until the role has answered for this checkpoint, or is done. */
    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        long checkpoint = context.getCheckpointId();
        synchronized (this) {
            barrier = checkpoint;
        }
        connection.sendBarrier(checkpoint);
        synchronized (this) {
            try {
                while (!ended() && barrier != NONE) {
                    wait();
                }
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for SAVED " + checkpoint);
            }
            state.snapshot(checkpoint);
        }
    }

    @Override
    public void endInput() throws Exception {
        connection.sendEnd();
        synchronized (this) {
            while (!ended()) {
                wait();
            }
        }
    }

    private boolean ended() throws RoleFailedException {
        if (failure != null) {
            throw failure;
        }
        return done;
    }

    @Override
    public synchronized void saved(Saved told) {
        if (told.checkpointId() != barrier) {
            throw new IllegalStateException("SAVED " + told.checkpointId() + " does not answer BARRIER " + barrier);
        }
        state.answered(told);
        barrier = NONE;
        notifyAll();
    }

    @Override
    public synchronized void done() {
        done = true;
        notifyAll();
    }

    /** Fails the task also when it has nothing to send at the moment. */
    @Override
    public void failed(RoleFailedException error) {
        synchronized (this) {
            failure = error;
            notifyAll();
        }
        try {
            mailbox.execute(
                    () -> {
                        throw error;
                    },
                    "role failed");
        } catch (RejectedExecutionException ended) {
            // The task is over, and has heard of the failure or does not care.
        }
    }

    @Override
    public void close() throws Exception {
        IOUtils.closeQuietly(connection);
        super.close();
    }
}
