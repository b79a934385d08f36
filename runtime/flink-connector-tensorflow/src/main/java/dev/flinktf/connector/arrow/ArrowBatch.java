package dev.flinktf.connector.arrow;

import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * Rows on their way between the pipeline and a role, as one Arrow IPC record batch message.
 *
 * @param target the subtask that this batch is for
 * @param rows in the message; or {@link #UNKNOWN_ROWS}
 * @param message its first {@code length} bytes are the message; who receives a batch from an operator that it is chained
 *     to must not keep the array
 */
@TypeInfo(ArrowBatchTypeInfo.Factory.class)
public record ArrowBatch(int target, int rows, byte[] message, int length) {

    /** The rows of what a role sends, which nobody has counted yet. */
    public static final int UNKNOWN_ROWS = -1;

    /** A batch whose array holds nothing but the message. */
    public static ArrowBatch of(int target, int rows, byte[] message) {
        return new ArrowBatch(target, rows, message, message.length);
    }
}
