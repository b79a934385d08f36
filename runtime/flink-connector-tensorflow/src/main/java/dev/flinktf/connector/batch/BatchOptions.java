package dev.flinktf.connector.batch;

import dev.flinktf.connector.FlinkTFOptions;

import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

import java.io.Serializable;
import java.util.Arrays;

/**
 * When a batch is sent, and to which subtask of the role.
 *
 * @param bytes a batch is sent when it has this much data
 * @param rows a batch is sent when it has this many rows
 * @param lingerMillis a batch that is not full is sent after this time
 * @param key the position of the column whose value decides the subtask, or -1 for rows in turn
 * @param shares how many rows of a round each subtask gets
 * @param toAll whether every subtask gets every row instead
 */
public record BatchOptions(int bytes, int rows, long lingerMillis, int key, int[] shares, boolean toAll)
        implements Serializable {

    private static final String ALL = "all";

    /** Flink puts larger records on disk, and a frame may not be larger than four of these. */
    private static final MemorySize MOST_BYTES = MemorySize.ofMebiBytes(16);

    private static final int MOST_SHARES = 10_000;

    /**
     * Reads the options of a stream for a role of {@code replicas} subtasks.
     *
     * @throws ValidationException naming the option that makes no sense
     */
    public static BatchOptions of(ReadableConfig options, RowType type, int replicas) {
        MemorySize bytes = options.get(FlinkTFOptions.BATCH_BYTES);
        check(bytes.getBytes() > 0 && bytes.compareTo(MOST_BYTES) <= 0,
                "'batch.bytes' is %s; it must be between 1 byte and %s.", bytes, MOST_BYTES);
        int rows = options.get(FlinkTFOptions.BATCH_ROWS);
        check(rows > 0, "'batch.rows' is %d; it must be at least 1.", rows);
        long linger = options.get(FlinkTFOptions.BATCH_LINGER).toMillis();
        check(linger > 0, "'batch.linger' must be at least 1 ms.");
        int key = options.getOptional(FlinkTFOptions.PARTITION_BY).map(name -> key(name, type)).orElse(-1);
        boolean toAll = options.getOptional(FlinkTFOptions.SHARES).filter(ALL::equals).isPresent();
        check(!toAll || key < 0, "'shares' is 'all', and 'partition-by' names a column: leave one of them out.");
        int[] shares =
                options.getOptional(FlinkTFOptions.SHARES)
                        .filter(text -> !toAll)
                        .map(text -> shares(text, replicas))
                        .orElseGet(() -> equalShares(replicas));
        return new BatchOptions((int) bytes.getBytes(), rows, linger, key, shares, toAll);
    }

    private static int key(String name, RowType type) {
        int index = type.getFieldIndex(name);
        check(index >= 0, "'partition-by' names column '%s'; the columns are %s.", name, type.getFieldNames());
        check(!type.getTypeAt(index).is(LogicalTypeRoot.ARRAY),
                "'partition-by' names column '%s', which is an array; choose one with a single value.", name);
        return index;
    }

    private static int[] shares(String text, int replicas) {
        int[] shares;
        try {
            shares = Arrays.stream(text.split(",")).map(String::trim).mapToInt(Integer::parseInt).toArray();
        } catch (NumberFormatException error) {
            throw new ValidationException("'shares' is '" + text + "', not whole numbers with commas between, as in 1,9, nor 'all'.");
        }
        check(shares.length == replicas,
                "'shares' is '%s', %d numbers; the role has %d replicas.", text, shares.length, replicas);
        check(Arrays.stream(shares).allMatch(share -> share >= 0) && Arrays.stream(shares).anyMatch(share -> share > 0),
                "'shares' is '%s'; no share may be negative, and one must be positive.", text);
        check(Arrays.stream(shares).asLongStream().sum() <= MOST_SHARES,
                "'shares' is '%s'; together they may be at most %d.", text, MOST_SHARES);
        return shares;
    }

    private static int[] equalShares(int replicas) {
        int[] shares = new int[replicas];
        Arrays.fill(shares, 1);
        return shares;
    }

    private static void check(boolean condition, String message, Object... arguments) {
        if (!condition) {
            throw new ValidationException(String.format(message, arguments));
        }
    }
}
