package dev.flinktf.connector.client;

import org.apache.flink.table.api.ValidationException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/** The one submission of a FlinkTFJob's program, and the file that tells of it. */
final class Submission {

    private final Path outcome;
    private final double ready;
    private final AtomicBoolean begun = new AtomicBoolean();

    Submission(Path outcome, double started) {
        this.outcome = outcome;
        this.ready = now() - started;
    }

    /**
     * Before the job is submitted.
     *
     * @throws ValidationException the second time
     */
    void begin() {
        if (!begun.compareAndSet(false, true)) {
            throw new ValidationException(
                    "A FlinkTFJob is one Flink job, and this program has submitted one already. Put all inserts into one "
                            + "StatementSet and execute that, or make another FlinkTFJob.");
        }
    }

    /** As a whole or not at all: whoever waits for the file reads it at once. */
    void done() throws IOException {
        String told =
                String.format(
                        Locale.ROOT, "{\"client_ready_seconds\": %.3f, \"submitted_at\": %.3f}", ready, now());
        Path partial = outcome.resolveSibling(outcome.getFileName() + ".partial");
        Files.writeString(partial, told);
        Files.move(partial, outcome, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static double now() {
        return System.currentTimeMillis() / 1000.0;
    }
}
