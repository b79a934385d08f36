package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.LogicalType;

import org.apache.arrow.flatbuf.FieldNode;

import java.util.Arrays;

/** One column of a record batch: loaded once a batch, then asked for Flink's internal value of each row. */
abstract class ColumnReader {

    final String name;

    private final boolean nullable;
    private BatchReader.Slice validity;

    ColumnReader(String name, boolean nullable) {
        this.name = name;
        this.nullable = nullable;
    }

    static ColumnReader of(String name, LogicalType type) {
        ColumnType column = ColumnType.of(type).orElseThrow();
        if (column == ColumnType.LIST) {
            return new ListReader(name, type);
        }
        return column.isFixed() ? new FixedReader(name, type, column) : new VariableReader(name, type, column);
    }

    final void load(BatchReader batch, int rows) {
        FieldNode node = batch.node(name);
        if (node.length() != rows) {
            throw BatchReader.mismatch(name, "it has " + node.length() + " rows, the batch " + rows);
        }
        if (node.nullCount() > 0 && !nullable) {
            throw BatchReader.mismatch(name, "it is NOT NULL and has NULLs");
        }
        int least = node.nullCount() > 0 ? ColumnType.BOOL.bytes(rows) : 0;
        validity = batch.buffer(name, least);
        if (node.nullCount() == 0) {
            validity = null;
        }
        loadValues(batch, rows);
    }

    abstract void loadValues(BatchReader batch, int rows);

    final Object get(int row) {
        return validity == null || Bytes.getBit(validity.bytes(), validity.offset(), row) ? value(row) : null;
    }

    abstract Object value(int row);

    private static final class VariableReader extends ColumnReader {
        private final boolean string;
        private BatchReader.Slice offsets;
        private BatchReader.Slice data;

        VariableReader(String name, LogicalType logicalType, ColumnType type) {
            super(name, logicalType.isNullable());
            this.string = type == ColumnType.UTF8;
        }

        @Override
        void loadValues(BatchReader batch, int rows) {
            offsets = offsets(batch, name, rows);
            data = batch.buffer(name, checkOffsets(offsets, name, rows));
        }

        @Override
        Object value(int row) {
            int start = data.offset() + offsets.getInt(row);
            byte[] value = Arrays.copyOfRange(data.bytes(), start, data.offset() + offsets.getInt(row + 1));
            return string ? StringData.fromBytes(value) : value;
        }
    }

    /** The buffer of {@code rows + 1} offsets; it may be empty when there are no rows. */
    static BatchReader.Slice offsets(BatchReader batch, String name, int rows) {
        return batch.buffer(name, rows == 0 ? 0 : (rows + 1) * Integer.BYTES);
    }

    /** Checks that offsets rise from 0 or more and returns the last one. */
    static int checkOffsets(BatchReader.Slice offsets, String name, int rows) {
        int last = 0;
        for (int i = 0; i <= rows && !offsets.isEmpty(); i++) {
            int offset = offsets.getInt(i);
            if (offset < last) {
                throw BatchReader.mismatch(name, "its offsets do not rise");
            }
            last = offset;
        }
        return last;
    }
}
