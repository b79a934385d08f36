package dev.flinktf.connector.role;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.protocol.Answer;
import dev.flinktf.connector.protocol.Frame;
import dev.flinktf.connector.protocol.FrameReader;
import dev.flinktf.connector.protocol.FrameType;
import dev.flinktf.connector.protocol.FrameWriter;
import dev.flinktf.connector.protocol.Hello;
import dev.flinktf.connector.protocol.ProtocolException;

import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.util.IOUtils;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One subtask attempt's connection to its role process (docs/protocol.md).
 *
 * <p>One thread sends; a daemon thread reads and reports to {@link RoleEvents}. When the role has said DONE or FAILED the
 * reader closes the channel, which also frees a sender that is blocked because nobody reads any more. After DONE,
 * sending does nothing: what still arrives is discarded.
 */
public final class RoleConnection implements Closeable {

    private static final Logger LOG = LoggerFactory.getLogger(RoleConnection.class);

    /** How long a broken write waits for the reader to find out why. */
    private static final long REASON_SECONDS = 10;

    private static final byte[] NOTHING = new byte[0];

    private final String instance;
    private final SocketChannel channel;
    private final FrameWriter writer;
    private final RoleEvents events;
    private final TrainingMetrics metrics;
    private final Thread reader;
    /** Completed by READY, or by an end without one. */
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    /** Completed by DONE, or by a failure. */
    private final CompletableFuture<Void> end = new CompletableFuture<>();

    private volatile boolean closed;

    private RoleConnection(String instance, SocketChannel channel, MetricGroup metrics, RoleEvents events) {
        this.instance = instance;
        this.channel = channel;
        this.writer = new FrameWriter(channel);
        this.events = events;
        this.metrics = new TrainingMetrics(metrics);
        this.reader = new Thread(this::read, "flinktf " + instance + " reader");
        reader.setDaemon(true);
    }

    /**
     * Connects to this TaskManager's agent and says HELLO; returns before READY.
     *
     * @param metrics where to show what the role tells of its training
     * @throws RoleFailedException when nobody listens for as long as {@code timeout}
     */
    public static RoleConnection open(Hello hello, Duration timeout, MetricGroup metrics, RoleEvents events)
            throws IOException, InterruptedException {
        return open(AgentSocket.path(), hello, timeout, metrics, events);
    }

    static RoleConnection open(Path socket, Hello hello, Duration timeout, MetricGroup metrics, RoleEvents events)
            throws IOException, InterruptedException {
        SocketChannel channel = AgentSocket.connect(socket, timeout);
        RoleConnection connection = new RoleConnection(hello.instance(), channel, metrics, events);
        try {
            connection.writer.write(hello.frame());
        } catch (IOException error) {
            connection.close();
            throw error;
        }
        connection.reader.start();
        return connection;
    }

    /** Waits until the TensorFlow cluster has formed. The agent owns the deadline: it answers FAILED. */
    public void awaitReady() throws RoleFailedException, InterruptedException {
        try {
            ready.get();
        } catch (ExecutionException error) {
            throw failure(error);
        }
    }

    /** Sends one batch, blocking while the role does not keep up. */
    public void send(ArrowBatch batch) throws IOException {
        send(FrameType.DATA, batch.message(), batch.length());
    }

    /** Sends BARRIER; {@link RoleEvents#saved} is the answer. */
    public void sendBarrier(long checkpointId) throws IOException {
        byte[] payload = Hello.barrier(checkpointId).payload();
        send(FrameType.BARRIER, payload, payload.length);
    }

    /** Sends END; {@link RoleEvents#done} is the answer. */
    public void sendEnd() throws IOException {
        send(FrameType.END, NOTHING, 0);
    }

    private void send(FrameType type, byte[] payload, int length) throws IOException {
        try {
            if (end.isDone()) {
                end.get();
            } else {
                write(type, payload, length);
            }
        } catch (ExecutionException error) {
            throw failure(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while sending to " + instance);
        }
    }

    private void write(FrameType type, byte[] payload, int length)
            throws IOException, InterruptedException, ExecutionException {
        try {
            writer.write(type, payload, length);
        } catch (ProtocolException | ClosedByInterruptException error) {
            throw error;
        } catch (IOException error) {
            // DONE, or a FAILED that says more than a broken pipe does, may still be on its way.
            try {
                end.get(REASON_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException timeout) {
                throw error;
            }
        }
    }

    /** The reader's exception in the caller's stack. */
    private static RoleFailedException failure(ExecutionException error) {
        return new RoleFailedException(error.getCause().getMessage(), error.getCause());
    }

    private void read() {
        FrameReader frames = new FrameReader(channel);
        try {
            boolean more = true;
            while (more) {
                Frame frame = frames.read();
                if (frame == null) {
                    throw vanished(null);
                }
                more = dispatch(Answer.parse(frame));
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        } catch (RoleFailedException error) {
            fail(error);
        } catch (ProtocolException | RuntimeException error) {
            fail(new RoleFailedException("The connection to " + instance + " broke: " + error.getMessage(), error));
        } catch (IOException error) {
            // A peer that ends with unread data in its socket resets the connection instead of closing it.
            fail(vanished(error));
        } finally {
            IOUtils.closeQuietly(channel);
        }
    }

    private RoleFailedException vanished(IOException cause) {
        return new RoleFailedException(
                String.format(
                        "The role process of %s closed the connection without saying DONE: it ended, or was killed. "
                                + "Its own log says why: 'flinktf logs', instance %s.",
                        instance, instance),
                cause);
    }

    /** Returns whether there can be more answers. */
    private boolean dispatch(Answer answer) throws RoleFailedException, InterruptedException {
        if (answer instanceof Answer.Ready formed) {
            LOG.info("{} is ready, in generation {} of its TensorFlow cluster", instance, formed.generation());
            ready.complete(null);
        } else if (answer instanceof Answer.Result result) {
            events.result(result.message());
        } else if (answer instanceof Answer.Checkpoint checkpoint) {
            events.saved(checkpoint.saved());
        } else if (answer instanceof Answer.Progress progress) {
            metrics.told(progress);
        } else if (answer instanceof Answer.Done done) {
            LOG.info("{} is done: {} rows, {} steps", instance, done.rows(), done.steps());
            ready.complete(null);
            end.complete(null);
            events.done();
            return false;
        } else if (answer instanceof Answer.Failed failed) {
            String message =
                    String.format(
                            "Role %s failed: %s: %s%n%s",
                            instance, failed.type(), failed.message(), failed.traceback());
            throw failed.isFinal() ? new JobFailedException(message) : new RoleFailedException(message);
        }
        return true;
    }

    private void fail(RoleFailedException failure) {
        ready.completeExceptionally(failure);
        end.completeExceptionally(failure);
        if (!closed) {
            events.failed(failure);
        }
    }

    /** Closes the connection; before DONE the agent takes that for a cancelled attempt. No event follows. */
    @Override
    public void close() {
        closed = true;
        reader.interrupt();
        IOUtils.closeQuietly(channel);
    }
}
