package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.columnar.vector.BytesColumnVector;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.types.logical.LogicalType;

import org.apache.arrow.flatbuf.FieldNode;

/**
 * One column of a record batch, which its rows look into: a view on the message. A subclass for each of Flink's vectors, as the
 * JVM is slow to find that a class implements now one, now another interface.
 */
abstract class ColumnReader implements ColumnVector {

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
        return column.isFixed() ? FixedReader.of(name, type) : new VariableReader(name, type, column);
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

    /** @throws BatchFormatException when one of the first {@code rows} values is none of the type */
    final void check(int rows) {
        if (mayRefuseValues()) {
            for (int row = 0; row < rows; row++) {
                get(row);
            }
        }
    }

    /** Whether there are bytes that are no value of the type. */
    boolean mayRefuseValues() {
        return false;
    }

    @Override
    public final boolean isNullAt(int row) {
        return validity != null && !Bytes.getBit(validity.bytes(), validity.offset(), row);
    }

    /** The value of a row as Flink has it in its rows. It does not share memory with the message. */
    final Object get(int row) {
        return isNullAt(row) ? null : value(row);
    }

    abstract Object value(int row);

    private static final class VariableReader extends ColumnReader implements BytesColumnVector {
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
        public Bytes getBytes(int row) {
            int start = offsets.getInt(row);
            return new Bytes(data.bytes(), data.offset() + start, offsets.getInt(row + 1) - start);
        }

        @Override
        Object value(int row) {
            byte[] value = getBytes(row).getBytes();
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
