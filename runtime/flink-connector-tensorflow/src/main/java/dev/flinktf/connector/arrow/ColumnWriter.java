package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.RowData;

import java.util.Arrays;

/**
 * Collects one column of a batch in Arrow's layout: appending is one virtual call a row, and nothing is allocated once
 * the arrays have grown to the size of a batch.
 */
abstract class ColumnWriter {

    final int position;
    final String name;

    private final boolean nullable;
    /** One bit a row, set for NULL: the inverse of Arrow's bitmap, so that rows without NULL cost nothing. */
    private byte[] nulls = new byte[0];
    private int nullCount;

    ColumnWriter(int position, String name, boolean nullable) {
        this.position = position;
        this.name = name;
        this.nullable = nullable;
    }

    /** Appends the column's value as row {@code n} of the batch; {@link #reserve} has made room for it. */
    final void append(RowData row, int n) {
        if (nullable && row.isNullAt(position)) {
            Bytes.setBit(nulls, n);
            nullCount++;
            appendNull(n);
        } else {
            appendValue(row, n);
        }
    }

    abstract void appendValue(RowData row, int n);

    abstract void appendNull(int n);

    /** Makes room for {@code rows} rows, as far as their size is known beforehand. */
    void reserve(int rows) {
        if (nullable) {
            nulls = Arrays.copyOf(nulls, ColumnType.BOOL.bytes(rows));
        }
    }

    /** The bytes of one row that are known beforehand, at least 1. */
    abstract int fixedBytes();

    /** The bytes of values of varying size in this batch. */
    int variableBytes() {
        return 0;
    }

    /** Adds field nodes and buffers of the first {@code rows} rows in Arrow's order. */
    final void collect(int rows, BatchBody body) {
        body.node(rows, nullCount);
        if (nullCount == 0) {
            body.buffer(nulls, 0);
        } else {
            int length = ColumnType.BOOL.bytes(rows);
            for (int i = 0; i < length; i++) {
                nulls[i] = (byte) ~nulls[i];
            }
            body.buffer(nulls, length);
        }
        collectValues(rows, body);
    }

    abstract void collectValues(int rows, BatchBody body);

    /** Forgets all rows and keeps the arrays. */
    void reset() {
        if (nullCount > 0) {
            Arrays.fill(nulls, (byte) 0);
            nullCount = 0;
        }
    }
}
