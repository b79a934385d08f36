package dev.flinktf.connector.sink;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.protocol.Saved;
import dev.flinktf.connector.role.RoleConnection;
import dev.flinktf.connector.role.RoleEvents;
import dev.flinktf.connector.role.RoleFailedException;
import dev.flinktf.connector.role.RoleMetrics;
import dev.flinktf.connector.role.RoleSpec;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/** One subtask of a {@link TrainingSink}. Everything but the {@link RoleEvents} runs in the task's thread. */
final class TrainingWriter implements StatefulSinkWriter<ArrowBatch, Saved>, RoleEvents {

    private static final long NONE = -1;

    private final MailboxExecutor mailbox;
    private final RoleMetrics metrics;
    private RoleConnection connection;

    /** The role's last answer to a BARRIER, or what was restored. Guarded by this, as is what follows. */
    private Saved saved;

    /** The checkpoint whose SAVED is awaited, or -1. */
    private long barrier = NONE;

    private boolean done;
    private RoleFailedException failure;

    private TrainingWriter(WriterInitContext context, Saved restored) {
        this.mailbox = context.getMailboxExecutor();
        this.metrics = new RoleMetrics(context.metricGroup());
        this.saved = restored;
    }

    /** Connects, and waits until the TensorFlow cluster has formed. */
    static TrainingWriter open(RoleSpec spec, WriterInitContext context, Saved restored) throws IOException {
        TrainingWriter writer = new TrainingWriter(context, restored);
        int index = context.getTaskInfo().getIndexOfThisSubtask();
        try {
            writer.connection =
                    RoleConnection.open(
                            spec.hello(context.metricGroup(), index, restored), spec.connectTimeout(), writer);
            writer.connection.awaitReady();
            return writer;
        } catch (IOException error) {
            writer.close();
            throw error;
        } catch (InterruptedException error) {
            writer.close();
            throw interrupted("connecting to the role");
        }
    }

    @Override
    public void write(ArrowBatch batch, Context context) throws IOException {
        long started = System.nanoTime();
        connection.send(batch);
        metrics.sent(batch, started);
    }

    /** Nothing is held back here, so there is nothing to flush but the end of the input. */
    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        if (endOfInput) {
            connection.sendEnd();
            synchronized (this) {
                while (!ended()) {
                    wait();
                }
            }
        }
    }

    /** Waits until the role has saved its model for this checkpoint; a role that is done keeps its last one. */
    @Override
    public List<Saved> snapshotState(long checkpointId) throws IOException {
        synchronized (this) {
            barrier = checkpointId;
        }
        connection.sendBarrier(checkpointId);
        synchronized (this) {
            try {
                while (!ended() && barrier != NONE) {
                    wait();
                }
            } catch (InterruptedException error) {
                throw interrupted("waiting for SAVED " + checkpointId);
            }
            return saved == null ? List.of() : List.of(saved);
        }
    }

    private boolean ended() throws RoleFailedException {
        if (failure != null) {
            throw failure;
        }
        return done;
    }

    private static InterruptedIOException interrupted(String what) {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("interrupted while " + what);
    }

    @Override
    public synchronized void saved(Saved answer) {
        if (answer.checkpointId() != barrier) {
            throw new IllegalStateException("SAVED " + answer.checkpointId() + " does not answer BARRIER " + barrier);
        }
        saved = answer;
        barrier = NONE;
        notifyAll();
    }

    @Override
    public synchronized void done() {
        done = true;
        notifyAll();
    }

    /** Fails the task also when it has nothing to write at the moment. */
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
    public void close() {
        if (connection != null) {
            connection.close();
        }
    }
}
