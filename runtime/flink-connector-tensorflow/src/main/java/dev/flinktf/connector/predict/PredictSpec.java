package dev.flinktf.connector.predict;

import static dev.flinktf.connector.predict.PredictOptions.SERVER_PREFIX;

import dev.flinktf.connector.arrow.Columns;
import dev.flinktf.connector.protocol.PredictHello;
import dev.flinktf.connector.role.RoleSettings;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.RowType;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * One use of a model by a job: all that its clients have to know, apart from where they run.
 *
 * @param replicas of the role
 * @param hello what every connection begins with
 * @param input the rows that the model takes
 * @param batchRows a batch has at most this many rows
 * @param batchBytes a batch is full when it has this much data
 * @param linger how long a batch may wait for rows while another one is on its way
 * @param timeout from a batch's first row to its answer
 */
public record PredictSpec(
        String role,
        int replicas,
        PredictHello hello,
        RowType input,
        OutputColumns output,
        int batchRows,
        int batchBytes,
        Duration linger,
        Duration timeout)
        implements Serializable {

    private static final MemorySize MOST_BYTES = MemorySize.ofMebiBytes(16);

    /**
     * Reads the options of a model.
     *
     * @param configuration Flink's, with what flinktf writes into it
     * @throws ValidationException naming the option, column or role that makes no sense, and the way out
     */
    static PredictSpec of(Configuration options, RowType input, RowType output, ReadableConfig configuration) {
        String path =
                options.getOptional(PredictOptions.PATH)
                        .filter(given -> !given.isBlank())
                        .orElseThrow(() -> new ValidationException("'path' is missing: the folder of the model."));
        int rows = options.get(PredictOptions.BATCH_ROWS);
        check(rows > 0, "'batch.rows' is %d; it must be at least 1.", rows);
        MemorySize bytes = options.get(PredictOptions.BATCH_BYTES);
        check(bytes.getBytes() > 0 && bytes.compareTo(MOST_BYTES) <= 0,
                "'batch.bytes' is %s; it must be between 1 byte and %s.", bytes, MOST_BYTES);
        Duration timeout = options.get(PredictOptions.TIMEOUT);
        check(timeout.toMillis() > 0, "'timeout' must be at least 1 ms.");
        RoleSettings role = role(options.get(PredictOptions.ROLE), configuration);
        OutputColumns columns = OutputColumns.of(output, options.get(PredictOptions.ON_ERROR));
        return new PredictSpec(
                role.role(),
                role.replicas(),
                new PredictHello(
                        role.job(),
                        path,
                        options.get(PredictOptions.SIGNATURE),
                        serverOptions(options),
                        Columns.schema(input),
                        Columns.schema(columns.sent())),
                input,
                columns,
                rows,
                (int) bytes.getBytes(),
                options.get(PredictOptions.BATCH_LINGER),
                timeout);
    }

    /** The same with batches of at most {@code most} rows. */
    PredictSpec withBatchesOf(int most) {
        return new PredictSpec(
                role, replicas, hello, input, output, Math.min(batchRows, most), batchBytes, linger, timeout);
    }

    private static RoleSettings role(String role, ReadableConfig configuration) {
        Set<String> known = RoleSettings.roles(configuration);
        check(known.isEmpty() || known.contains(role),
                "There is no role '%s' to serve the model; the FlinkTFJob has the roles %s. %s", role, known, wayOut(role));
        return RoleSettings.of(configuration, role, Optional.empty());
    }

    /** What to do when there is no such role. */
    static String wayOut(String role) {
        return String.format(
                "Name another one in the model's option 'role', or add this one to the manifest: "
                        + "'- {name: %s, replicas: 1}' to 'roles', under 'strategy: Independent' and "
                        + "'entrypoint: flinktf.serving:serve'.",
                role);
    }

    private static Map<String, String> serverOptions(Configuration options) {
        Map<String, String> given = new TreeMap<>();
        options.toMap().forEach((key, value) -> {
            if (key.startsWith(SERVER_PREFIX)) {
                given.put(key.substring(SERVER_PREFIX.length()), value);
            }
        });
        given.put(PredictOptions.NOT_FINITE.key(), options.get(PredictOptions.NOT_FINITE).wireName());
        return given;
    }

    /** The model and its role in the words of errors. */
    String model() {
        return "model '" + hello.path() + "' of role '" + role + "'";
    }

    static void check(boolean condition, String message, Object... arguments) {
        if (!condition) {
            throw new ValidationException(String.format(message, arguments));
        }
    }
}
