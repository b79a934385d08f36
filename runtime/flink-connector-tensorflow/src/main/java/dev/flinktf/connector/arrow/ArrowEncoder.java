package dev.flinktf.connector.arrow;

import dev.flinktf.connector.protocol.FrameType;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Collects Flink rows and encodes them as Arrow IPC record batch messages. Not thread-safe.
 *
 * <p>Encoders of one operator share an {@link Output}, the array that messages are assembled in.
 */
public final class ArrowEncoder {

    private static final int INITIAL_ROWS = 256;

    private final ColumnWriter[] columns;
    /** Columns of varying size, whose bytes have to be looked up. */
    private final ColumnWriter[] variable;

    private final int rowBytes;
    private final BatchBody body;
    private int rows;
    private int capacity;

    /** Where messages are assembled: each one overwrites the one before. */
    public static final class Output {
        private final BatchBody body = new BatchBody();
    }

    /** @param type of the rows; {@link Columns#schema} has accepted it */
    public ArrowEncoder(RowType type, Output output) {
        this(type, IntStream.range(0, type.getFieldCount()).toArray(), output);
    }

    /**
     * @param type of the columns that are encoded; {@link Columns#schema} has accepted it
     * @param positions where each of them is in the rows
     */
    public ArrowEncoder(RowType type, int[] positions, Output output) {
        columns = new ColumnWriter[type.getFieldCount()];
        int fixed = 0;
        for (int i = 0; i < columns.length; i++) {
            columns[i] = column(positions[i], type.getFields().get(i).getName(), type.getTypeAt(i));
            fixed += columns[i].fixedBytes();
        }
        variable =
                Arrays.stream(columns)
                        .filter(VariableWriter.class::isInstance)
                        .toArray(ColumnWriter[]::new);
        rowBytes = fixed;
        body = output.body;
    }

    private static ColumnWriter column(int position, String name, LogicalType type) {
        ColumnType column = ColumnType.of(type).orElseThrow();
        if (column == ColumnType.LIST) {
            return new ListWriter(position, name, type);
        }
        return column.isFixed()
                ? FixedWriter.of(position, name, type)
                : VariableWriter.of(position, name, type);
    }

    /** Appends one row; the row is not kept. */
    public void append(RowData row) {
        int n = rows;
        if (n == capacity) {
            grow();
        }
        for (ColumnWriter column : columns) {
            column.append(row, n);
        }
        rows = n + 1;
    }

    private void grow() {
        capacity = Math.max(INITIAL_ROWS, 2 * capacity);
        for (ColumnWriter column : columns) {
            column.reserve(capacity);
        }
    }

    /** The rows collected since the last message. */
    public int rows() {
        return rows;
    }

    /** The bytes collected since the last message, without bitmaps and padding. */
    public long bytes() {
        long bytes = (long) rows * rowBytes;
        for (ColumnWriter column : variable) {
            bytes += column.variableBytes();
        }
        return bytes;
    }

    /**
     * Encodes what was collected, also when that is nothing, and starts anew.
     *
     * @return a batch for {@code target} whose array is overwritten by the next message of the same {@link Output}
     * @throws RowTooLargeException when the message is larger than a DATA frame may be
     */
    public ArrowBatch encode(int target) {
        body.clear();
        if (capacity == 0) {
            grow();
        }
        for (ColumnWriter column : columns) {
            column.collect(rows, body);
        }
        if (body.bytes() > FrameType.DATA.limit()) {
            throw tooLarge();
        }
        int length = body.write(rows);
        if (length > FrameType.DATA.limit()) {
            throw tooLarge();
        }
        ArrowBatch batch = new ArrowBatch(target, rows, body.message(), length);
        for (ColumnWriter column : columns) {
            column.reset();
        }
        rows = 0;
        return batch;
    }

    private RowTooLargeException tooLarge() {
        ColumnWriter widest = columns[0];
        for (ColumnWriter column : columns) {
            if (column.variableBytes() > widest.variableBytes()) {
                widest = column;
            }
        }
        return new RowTooLargeException(widest.name, widest.variableBytes());
    }
}
