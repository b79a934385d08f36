package dev.flinktf.connector.role;

import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.util.IOUtils;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Waits for a role process to be done. Connecting may take long, and checkpoints go on meanwhile: so a thread of its own
 * does it.
 */
final class RoleSourceReader implements SourceReader<Void, RoleSource.NoSplit>, RoleEvents {

    private final RoleSpec spec;
    private final SourceReaderContext context;
    /** Completed when {@link #pollNext} has something to tell. */
    private final CompletableFuture<Void> end = new CompletableFuture<>();

    private Thread connector;
    private RoleConnection connection;
    private volatile RoleFailedException failure;

    RoleSourceReader(RoleSpec spec, SourceReaderContext context) {
        this.spec = spec;
        this.context = context;
    }

    @Override
    public void start() {
        connector = new Thread(this::connect, "flinktf " + spec.role() + "-" + context.getIndexOfSubtask() + " connector");
        connector.setDaemon(true);
        connector.start();
    }

    private void connect() {
        try {
            RoleConnection opened =
                    RoleConnection.open(
                            spec.hello(context.metricGroup(), context.getIndexOfSubtask(), null),
                            spec.connectTimeout(),
                            context.metricGroup(),
                            this);
            synchronized (this) {
                connection = opened;
            }
            if (Thread.interrupted()) {
                opened.close();
            }
        } catch (RoleFailedException error) {
            failed(error);
        } catch (IOException error) {
            failed(new RoleFailedException("Cannot say HELLO to the agent: " + error.getMessage(), error));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void done() {
        end.complete(null);
    }

    @Override
    public void failed(RoleFailedException error) {
        failure = error;
        end.complete(null);
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Void> output) throws RoleFailedException {
        if (failure != null) {
            throw failure;
        }
        return end.isDone() ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return end;
    }

    @Override
    public List<RoleSource.NoSplit> snapshotState(long checkpointId) {
        return List.of();
    }

    @Override
    public void addSplits(List<RoleSource.NoSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {
        if (connector != null) {
            connector.interrupt();
        }
        synchronized (this) {
            IOUtils.closeQuietly(connection);
        }
    }
}
