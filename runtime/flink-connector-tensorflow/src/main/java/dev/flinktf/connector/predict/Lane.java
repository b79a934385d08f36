package dev.flinktf.connector.predict;

import dev.flinktf.connector.predict.Instances.Instance;
import dev.flinktf.connector.role.JobFailedException;
import dev.flinktf.connector.role.RoleFailedException;

import org.apache.flink.table.data.RowData;
import org.apache.flink.util.IOUtils;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.List;

/**
 * Sends batches to one instance of the role, for as long as the client lives. While the instance is away the other lanes
 * take what it had.
 */
final class Lane {

    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

    private final PredictSpec spec;
    private final String instance;
    private final Directory directory;
    private final Batches batches;
    private final Thread sender;

    private volatile String situation;

    Lane(PredictSpec spec, int index, Directory directory, Batches batches) {
        this.spec = spec;
        this.directory = directory;
        this.batches = batches;
        instance = Instances.name(spec.role(), index);
        situation = instance + " was not looked for yet";
        sender = PredictClient.thread(instance + " sender", this::run);
    }

    void start() {
        sender.start();
    }

    /** How it stands with the instance, for the error of a batch that nobody has answered. */
    String situation() {
        return situation;
    }

    private void run() {
        try {
            long seen = 0;
            while (!Thread.interrupted()) {
                Instances now = directory.newerThan(seen);
                seen = now.version();
                Instance found = now.byName().get(instance);
                if (found != null && found.isThere()) {
                    Batches.Window window = new Batches.Window();
                    serve(found.address(), window);
                    // A connection that was of use may have been cut by accident: then nobody has news of it.
                    seen = batches.abandon(window) ? 0 : seen;
                } else if (found != null) {
                    situation = instance + " is " + found.state();
                } else if (!now.roles().isEmpty()) {
                    throw new RoleFailedException(
                            String.format(
                                    "the FlinkTFJob has no %s; its roles are %s. %s",
                                    instance, now.roles(), PredictSpec.wayOut(spec.role())));
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        } catch (RoleFailedException | RuntimeException error) {
            fail(error);
        }
    }

    /** Until the connection ends. What was on its way then is sent again, here or by another lane. */
    private void serve(String address, Batches.Window window) throws InterruptedException, RoleFailedException {
        try (PredictConnection connection = PredictConnection.to(address)) {
            situation = instance + " at " + address + " is loading the model";
            String version = connection.begin(spec.hello().frame(directory.token()));
            situation = instance + " at " + address + " is connected";
            LOG.info("{} serves {}, version {}", instance, spec.model(), version);
            PredictClient.thread(instance + " reader", () -> read(connection, address, window)).start();
            for (Batch batch = batches.take(window); batch != null; batch = batches.take(window)) {
                connection.send(batch.message());
            }
        } catch (RoleFailedException error) {
            throw error;
        } catch (ClosedChannelException closed) {
            // By this side: the reader has said why, or the client is closed.
        } catch (IOException error) {
            broke(address, error);
        }
    }

    private void read(PredictConnection connection, String address, Batches.Window window) {
        OutputColumns.Reader reader = spec.output().new Reader();
        try {
            while (true) {
                // First decoded, then answered: a batch whose answer makes no sense has none.
                List<RowData> rows = reader.read(connection.receive());
                Batch batch = batches.answered(window, rows.size());
                if (batch == null) {
                    return;
                }
                batch.outcome().complete(rows);
            }
        } catch (RoleFailedException | RuntimeException error) {
            fail(error);
        } catch (ClosedChannelException closed) {
            // By the sender.
        } catch (IOException error) {
            broke(address, error);
        } finally {
            batches.abandon(window);
            // Frees a sender that is blocked because nobody reads any more.
            IOUtils.closeQuietly(connection);
        }
    }

    private void broke(String address, IOException error) {
        situation = String.format("the connection to %s at %s broke (%s)", instance, address, error.getMessage());
        LOG.info("{}: {}", spec.model(), situation);
    }

    private void fail(Exception error) {
        String message = String.format("The %s failed, in %s: %s", spec.model(), instance, error.getMessage());
        batches.fail(
                error instanceof JobFailedException ? new JobFailedException(message) : new RoleFailedException(message, error));
    }

    void close() {
        sender.interrupt();
    }
}
